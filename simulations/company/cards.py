"""The card of simulated data."""

from __future__ import annotations

from kbind.dataset.dataset import Card

from .scenario import Scenario

#: What is special about a scenario, for its card and its page.
ABOUT = {
    "baseline": "Segments, bonds, events and campaigns act as documented; some attributes have no effect.",
    "b2c": "People without contracts: leaving shows only in purchases that stop, and few say goodbye.",
    "no_effect": "Attributes, persona, segments and campaigns change nothing; bonds, moods and events still do.",
    "no_types": "The six bonding scores are one factor and hardly anything else: types would be an illusion.",
    "no_segments": "One population: attributes and bonds are independent of each other.",
    "continuum": "One factor runs through attributes, budget and bonds, without any groups.",
    "clear_segments": "Segments differ so much in attributes and budget that they can be told apart by them.",
    "informative_censoring": "Risky accounts vanish from the records sooner (customers.observed_until).",
    "unmeasured_confounder": "A hidden risk drives both leaving and who is treated; the recorded propensity lacks it.",
    "polite_reasons": "Most of those who leave for other reasons say it was the price.",
}


def saas_card(scenario: Scenario, customers: int, months: int, rows: int) -> Card:
    """What a reader must know before believing a number from simulated data."""
    fields = {
        "customers.*": ", ".join(a.name for a in scenario.attributes if not a.hidden)
        + ", budget (EUR a month), goal (answer to a sales question)",
        "subscriptions.*": "a row for every change of plan, seats or price; notice_at: when notice was given",
        "events.kind": "login, report, integration, community",
        "contacts.*": "our people (account_manager, consultant) and theirs (decision_maker, user)",
        "tickets.severity": "1 to 4; 3 and 4 are serious",
        "feedback.instrument": "nps (0 to 10), csat (1 to 5), bond_<type>_<1 to 3> (1 to 7)",
        "cancellations.reason": "as stated; the true one is in the truth",
        "campaigns.propensity": "as recorded when the campaign was assigned",
    }
    caveats = [
        "SIMULATED: nobody behind it exists, and no number says anything about a real market.",
        ABOUT[scenario.name],
        "Contracts begin and end with a month; people lost, tickets and moods come at random, whoever the customer is.",
    ]
    if scenario.contracts:
        caveats.append(
            "Some contracts are older than the records; who had left before recording began is missing (late entry)."
        )
    else:
        fields["events.kind"] = "purchase, with amount (EUR)"
        for name in ("subscriptions.*", "contacts.*"):
            del fields[name]
    return Card(
        title=f"Simulated subscriptions ({scenario.name})" if scenario.contracts else "Simulated purchases (b2c)",
        source=f"made by simulations/company, scenario {scenario.name!r}",
        licence="none needed: made by kbind, no real data in it",
        n=f"{rows:,} rows, {customers:,} customers, {months} months",
        fields=fields,
        caveats=tuple(caveats),
        customer="customer",
        key="saas",
        currency="EUR",
        margin=0.8,
        acquisition_cost=600.0,
    )
