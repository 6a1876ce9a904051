"""What companies and their programs call the columns of the contract, so that near names are found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_SHORT = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "á": "a"}
_CUSTOMER = (
    "customerid customeruniqueid customernumber customernum customerno customercode accountcode custid custnum "
    "custno custnr customer clientid clientnumber clientnum clientno client userid user "
    "memberid membernumber member accountid accountnumber accountno account subscriberid companyid householdid "
    "household guestid patronid donorid householdkey customerkey patientid personid visitorid profileid "
    "kundennr kundennummer kundenid kdnr "
    "kunde mitgliedsnummer mitgliedsnr mitgliednr mitglied debitor debitornr debitorennr debitorennummer nutzerid "
    "nutzer distinctid recordid customeremail email emailaddress uid cardid cardnumber id "
    "customername companyname clientname fullname name"
)
_MOMENT = (
    "timestamp eventtime eventtimestamp eventdate datetime occurredat time date ts createdat creationdate created day "
    "datum zeitpunkt zeitstempel"
)
_SOLD = (
    "donationdate giftdate orderdate ordertimestamp orderedat orderpurchasetimestamp invoicedate "
    "purchasedate purchasedat transactiondate "
    "transactiontime saledate salesdate paidat paymentdate visitdate bookingdate bestelldatum belegdatum "
    "rechnungsdatum kaufdatum buchungsdatum auftragsdatum"
)
#: Names without blanks, signs and capitals by table and column, the surest first.
NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    table: {column: tuple(words.split()) for column, words in columns.items()}
    for table, columns in {
        "events": {
            "customer_id": _CUSTOMER,
            "timestamp": f"{_SOLD} {_MOMENT}",
            "kind": "kind eventname eventtype event action activity aktion ereignis vorgang",
            "amount": "amount netamount totalamount ordertotal grandtotal totalprice total salesvalue sales "
            "netsales grosssales revenue "
            "paymentvalue ordervalue purchasevalue transactionvalue dollarvalue salesamount orderamount "
            "transactionamount "
            "amountpaid linetotal spend turnover umsatz betrag gesamtbetrag rechnungsbetrag summe netto "
            "nettobetrag brutto bruttobetrag warenwert value",
            "currency": "currency currencycode waehrung",
            "order_id": "orderid ordernumber orderno order invoiceid invoiceno invoicenumber transactionid basketid "
            "receiptid invoice belegnummer belegnr bestellnummer bestellnr rechnungsnummer rechnungsnr auftragsnummer "
            "auftragsnr bonnummer",
            "category": "category productcategory itemcategory department productgroup warengruppe kategorie sparte",
            "channel": "channel saleschannel source store kanal vertriebskanal filiale",
            "device": "device devicetype platform os geraet",
        },
        "subscriptions": {
            "customer_id": _CUSTOMER,
            "start": "start startdate startedat contractstart subscriptionstart subscribedat subscriptiondate "
            "signupdate joindate joined joinedat membersince activationdate activatedat begin begindate eintritt "
            "eintrittsdatum vertragsbeginn vertragsstart beginn laufzeitbeginn von",
            "end": "end enddate endedat contractend subscriptionend churndate churnedat leavedate leftat "
            "terminationdate terminatedat expiredat expirydate austritt austrittsdatum vertragsende ende laufzeitende "
            "bis expiresat expirationdate canceledat cancelledat canceldate cancellationdate cancelleddate",
            "mrr": "mrr mrramount monthlyrecurringrevenue monthlyfee monthlycharge monthlycharges monthlyprice "
            "monthlyrevenue "
            "monthlyamount feemonthly pricepermonth beitragmtl mtlbeitrag monatsbeitrag monatspreis monatsgebuehr "
            "beitrag monatlicherbeitrag",
            "currency": "currency currencycode waehrung",
            "plan": "plan planname plantier planid product subscriptionplan subscriptiontype membershiptype "
            "contracttype "
            "package tier tarif produkt paket vertragsart mitgliedschaft",
            "term_end": "termend currentperiodend currenttermend renewaldate nextrenewal renewson nextbillingdate "
            "contractenddate mindestlaufzeitbis laufzeitbis verlaengerungam",
            "notice_at": "noticeat noticedate cancellationrequestedat kuendigungsdatum gekuendigtam kuendigungam "
            "kuendigungseingang canceledat cancelledat",
            "auto_renew": "autorenew autorenewal renewsautomatically automatischeverlaengerung",
            "seats": "seats licenses licences users plätze plaetze lizenzen quantity",
            "discount": "discount discountshare rabatt",
        },
        "customers": {
            "customer_id": _CUSTOMER,
            "acquired_at": "acquiredat acquisitiondate dtcustomer signupdate signedupat registeredat "
            "registrationdate createdate createddate "
            "createdat customersince firstorderdate kundeseit anmeldedatum registriertam erstelltam",
            "referred_by": "referredby referrerid referrer geworbenvon",
            "consent": "consent marketingconsent optin newsletteroptin acceptsmarketing einwilligung werbeeinwilligung",
        },
        "cancellations": {
            "customer_id": _CUSTOMER,
            "timestamp": "canceledat cancelledat cancellationdate canceldate churndate kuendigungsdatum gekuendigtam "
            f"kuendigungam {_MOMENT}",
            "reason": "reason cancellationreason cancelreason churnreason reasoncode kuendigungsgrund grund",
            "reason_text": "reasontext comment comments feedback begruendung bemerkung freitext",
            "voluntary": "voluntary freiwillig",
        },
        "tickets": {
            "customer_id": "requesterid organizationid " + _CUSTOMER,
            "opened": f"opened openedat dateopened opendate submittedat eroeffnet eroeffnetam {_MOMENT}",
            "closed": "closed closedat dateclosed closedate solvedat resolvedat resolutiondate geschlossen "
            "geschlossenam erledigtam",
            "kind": "kind type category topic issuetype kategorie thema art",
            "severity": "severity priority prioritaet schweregrad",
            "goodwill": "goodwill credit refund kulanz gutschrift",
        },
        "feedback": {
            "customer_id": _CUSTOMER,
            "timestamp": f"respondedat responsedate submittedat submitdate enddate answeredat surveydate {_MOMENT}",
            "instrument": "instrument survey surveyname surveytype umfrage metric",
            "score": "score nps npsscore csat rating points stars bewertung note punkte",
            "text": "text comment comments feedback answer kommentar freitext",
            "respondent_id": "respondentid responseid",
            "respondent_role": "respondentrole role rolle",
        },
    }.items()
}
#: Columns that are no part of the contract, but say what an amount is made of.
QUANTITY = ("quantity", "qty", "units", "unitssold", "menge", "anzahl", "stueck", "stueckzahl")
UNIT_PRICE = (
    "unitprice",
    "priceperunit",
    "price",
    "listprice",
    "saleprice",
    "salesprice",
    "itemprice",
    "sellingprice",
    "einzelpreis",
    "stueckpreis",
    "preis",
)
INTERVAL = ("interval", "planinterval", "planintervallength", "intervallength", "billinginterval", "billingperiod",
            "billingcycle", "billingfrequency", "frequency", "abrechnung", "zahlweise", "abrechnungsintervall",
            "zahlungsrhythmus")  # fmt: skip
PRICE = ("totalrecurringamount", "recurringamount", "unitamount", "amount", "price", "fee", "planamount", "value",
         "betrag", "preis", "gebuehr", "beitrag")  # fmt: skip
#: Columns of customers that play a part; those that say the opposite of gone, too.
CHURNED = ("churned", "churn", "churnlabel", "churnflag", "ischurned", "haschurned", "exited", "attrition", "gone",
           "attritionflag", "left", "leaver", "cancelled", "canceled", "gekuendigt", "abgewandert")  # fmt: skip
TENURE = ("tenure", "tenuremonths", "tenureinmonths", "monthsonbook", "monthsactive", "accountlength", "lifetime",
          "monthsascustomer", "tenuredays", "tenureindays", "dayssincesignup", "daysascustomer", "tenureyears",
          "tenureinyears", "yearsascustomer", "yearsatcompany", "membershipyears", "kundenjahre", "vertragsmonate",
          "kundenmonate", "vertragsdauer", "monate")  # fmt: skip


def bare(name: str) -> str:
    """A name without blanks, signs, capitals and umlauts.

    >>> bare("Kündigungs-Datum (UTC)")
    'kuendigungsdatumutc'
    """
    return re.sub(r"[^a-z0-9]", "", "".join(_SHORT.get(letter, letter) for letter in name.casefold()))


def rank(name: str, words: Iterable[str]) -> int | None:
    """How near a name is to a list of known ones: 0 and up for one of them, 100 and up if it holds one; None if not."""
    own, known = bare(name), list(words)
    if own in known:
        return known.index(own)
    held = [i for i, word in enumerate(known) if len(word) >= 6 and word in own]
    return 100 + held[0] if held else None


def nearest(table: str, column: str, there: Iterable[str]) -> str | None:
    """The column of a source that companies call so what the contract calls otherwise.

    >>> nearest("events", "timestamp", ["Country", "InvoiceDate", "Price"])
    'InvoiceDate'
    """
    words = NAMES.get(table, {}).get(column, ())
    ranked = [(found, name) for name in there if (found := rank(name, words)) is not None]
    return min(ranked, key=lambda each: each[0])[1] if ranked else None
