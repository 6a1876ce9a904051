from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.personas.parts import Bonding, Mark, Revenue, Rule, Statement
from kbind.personas.persona import Persona

ROOT = Path(__file__).parents[2]

TEXT = """# a persona, written by hand
name: streaming  # short
owner: Sales
version: 1
valid_from: 2026-01-01
description:
  de: Will Filme
  en: Wants films
# whom we mean
rules:
  # what they watch
  - attribute: streaming_tv
    in: [Yes]  # as in the data
    weight: 2
  - {attribute: country, in: [NO, 1-9]}

  # the third
  - attribute: budget
    range: [10, null]
min_match: 0.5
channels: [web]
needs:
  - de: Serien
    en: Series
    shows_in: {events.category: [series]}
    mark: {said: {n: 12, wording: "ohne Serien: nein!"}}  # asked in May
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "streaming.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_load_reads_every_field_and_guesses_no_types(file: Path) -> None:
    persona = Persona.load(file)
    assert (persona.name, persona.version, persona.owner, persona.valid_from) == (
        "streaming", 1, "Sales", date(2026, 1, 1))  # fmt: skip
    # yes and no are words as they stand, and 1-9 is no day in September
    assert persona.rules == (
        Rule("streaming_tv", in_=("Yes",), weight=2),
        Rule("country", in_=("NO", "1-9")),
        Rule("budget", range=(10, None)),
    )
    (need,) = persona.needs
    assert need.mark == Mark("said", n=12, wording="ohne Serien: nein!")
    assert need.shows_in == {"events.category": ("series",)}
    assert persona.channels == (Statement({"de": "web", "en": "web"}),)
    assert persona.channels[0].mark.kind == "assumed"


def test_save_writes_a_new_version_beside_the_old_with_all_comments(file: Path) -> None:
    persona = Persona.load(file)
    rules = (Rule("streaming_tv", in_=("Yes",), weight=3), persona.rules[2], Rule("partner", in_=(0,)))
    found = persona.changed(rules=rules, bonding=Bonding("habitual"))
    path = found.save(file)
    assert path.name == "streaming.v2.yaml"
    assert file.read_text() == TEXT
    expected = TEXT.replace("version: 1", "version: 2").replace("weight: 2", "weight: 3")
    expected = expected.replace("  - {attribute: country, in: [NO, 1-9]}\n", "")
    expected = expected.replace("[10, null]\n", "[10, null]\n  - attribute: partner\n    in: ['0']\n")
    assert path.read_text() == expected + "bonding:\n  primary: habitual\n"
    assert Persona.load(path) == found
    third = found.changed(min_match=1)
    assert third.save(path).name == "streaming.v3.yaml"
    assert Persona.load_all(file.parent) == (third,)


def test_save_drops_the_comments_of_what_was_dropped_and_no_others(file: Path) -> None:
    text = TEXT.replace("    weight: 2\n", "    weight: 2\n    # twice as much as the rest\n")
    text = text.replace("channels: [web]", "# where they look\nchannels: [web]")
    file.write_text(text)
    persona = Persona.load(file)
    path = persona.changed(rules=persona.rules[1:], channels=()).save(file)
    above, below = text.index("  # what they watch"), text.index("  - {attribute")
    expected = (text[:above] + text[below:]).replace("# where they look\nchannels: [web]\n", "")
    assert path.read_text() == expected.replace("version: 1", "version: 2")
    # another rule in its place is not about what they watch, nor does it count twice
    other = persona.changed(rules=(Rule("partner", in_=(0,)), *persona.rules[1:], Rule("goal", in_=("grow",))))
    expected = text[:above] + "  - attribute: partner\n    in: ['0']\n" + text[below:]
    expected = expected.replace("[10, null]\n", "[10, null]\n  - attribute: goal\n    in: [grow]\n")
    assert other.to_text() == expected.replace("version: 1", "version: 2")
    # what comes behind the last key comes behind its comments, too
    last = text + "  # asked again in June\n"
    found = Persona._from_text(last, Path("p.yaml")).changed(bonding=Bonding("habitual"))
    assert found.to_text() == last.replace("version: 1", "version: 2") + "bonding:\n  primary: habitual\n"


def test_save_of_the_same_persona_touches_nothing(file: Path) -> None:
    persona = Persona.load(file)
    assert persona.save(file) == file
    assert file.read_text() == TEXT
    assert persona.to_text() == TEXT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 1, "owner": "X"}, "holds version 1 of 'streaming' with other content; a change is a new version"),
        ({"name": "basic"}, "holds the persona 'streaming'; save 'basic' elsewhere"),
    ],
)
def test_save_never_overwrites(file: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        Persona.load(file).changed(**change).save(file)
    assert file.read_text() == TEXT


def test_save_over_a_newer_version_and_to_odd_names_are_errors(file: Path) -> None:
    old = Persona.load(file)
    new = old.changed(owner="Marketing").save(file)
    with pytest.raises(kb.ArgumentError, match="holds version 2, newer than 1"):
        old.save(new)
    for path in (file.parent, file.with_suffix(".txt")):
        with pytest.raises(kb.ArgumentError, match="a name that ends in .yaml"):
            old.save(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    weight: 2", "    weight: heavy", "line 14, rules[0].weight: 'heavy' is no number; allowed: a number"),
        ("    weight: 2", "    weight: -1", "line 14, rules[0].weight: -1 is out of range; allowed: a number above 0"),
        ("    weight: 2", "    wieght: 2", "line 14, rules[0].wieght: no such key in rules; did you mean 'weight'?"),
        ("    range: [10, null]", "    range: [10, 5]", "line 19, rules[2].range: \"['10', '5']\" holds nothing"),
        ("    range: [10, null]", "    weight: 1", "line 18, rules[2].in: a rule needs either levels or a range"),
        ("attribute: country", "attribute: budget", "line 10, rules: two rules on 'budget'"),
        ("  - attribute: streaming_tv", "  - attribut: streaming_tv", "rules[0].attribut: no such key in rules; did"),
        ("version: 1", "version: 1.5", "line 4, version: 1.5 is no whole number; allowed: 1, 2, 3"),
        ("valid_from: 2026-01-01", "valid_from: soon", "line 5, valid_from: 'soon' is no day; allowed: a day such as"),
        ("  de: Will Filme\n", "", "description: no text for 'de'"),
        ("owner: Sales", "ownr: Sales", "ownr: no such key in a persona; did you mean 'owner'?"),
        ("owner: Sales\n", "", "owner: is missing in a persona; needed: name, version, owner"),
        ("name: streaming", "name: a/b", "line 2, name: 'a/b' is no name; allowed: letters, digits"),
        ("min_match: 0.5", "min_match: 2", "min_match: 2 is out of range; allowed: a number above 0 up to 1"),
        ("events.category", "tickets.kind", "needs[0].shows_in: 'tickets.kind' is no column of events"),
        ("n: 12, ", "", "needs[0].mark: n is missing in what is said; allowed with said: n, wording"),
        ("{said:", "{sayd:", "needs[0].mark: 'sayd' is not known; did you mean 'said'? allowed: assumed"),
        ("min_match: 0.5", "name: again", "line 20: 'name' is given twice; give every key once"),
        ("[web]", "&a [web]", "line 21: a reference 'a'; write the value out"),
        ("[web]", "[web", "streaming.yaml: is not YAML: "),
        ("[web]", "web", "channels: 'web' is no list"),
    ],
)  # fmt: skip
def test_load_names_file_line_key_value_and_what_is_allowed(file: Path, old: str, new: str, message: str) -> None:
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(kb.DatasetError) as error:
        Persona.load(file)
    assert message in str(error.value)
    assert str(error.value).startswith("streaming.yaml: ")
    assert len(error.value.problems) == 1


def test_load_of_no_persona(tmp_path: Path) -> None:
    for content, message in ((b"", "holds no persona"), (b"- a", "holds no persona"), (b"\xff\xfe\x00", "not UTF-8")):
        path = tmp_path / "p.yaml"
        path.write_bytes(content)
        with pytest.raises(kb.DatasetError, match=message):
            Persona.load(path)
    with pytest.raises(kb.DatasetError, match=r"none.yaml: cannot be read"):
        Persona.load(tmp_path / "none.yaml")
    with pytest.raises(kb.ArgumentError, match="holds no persona"):
        Persona.load_all(tmp_path / "nowhere")


def test_load_all_refuses_one_version_twice(file: Path) -> None:
    file.with_name("copy.yaml").write_text(TEXT)
    with pytest.raises(kb.DatasetError, match=r"version 1 of streaming stands in copy.yaml too"):
        Persona.load_all(file.parent)


def test_marks_hold_what_they_rest_on() -> None:
    assert Mark("measured", 100, 0.5, 0.4, 0.6).plain() == {
        "measured": {"n": 100, "estimate": 0.5, "ci_lower": 0.4, "ci_upper": 0.6}}  # fmt: skip
    for wrong in (("measured", 100, 0.7, 0.4, 0.6), ("measured", 100), ("assumed", 3), ("said", 3), ("said", 0)):
        with pytest.raises(kb.ArgumentError):
            Mark(*wrong)
    with pytest.raises(kb.ArgumentError, match="'habitual' is not known"):
        Bonding("habitual", "habitual")


LINES = st.text("abc: #'\"-[]{}\\äß,|>&*%@?!\n", min_size=1, max_size=8).filter(lambda text: text.strip())
LEVELS = st.lists(
    st.sampled_from(["Yes", "no", "1-9", "null", "~", "0x1", "a: b", "# c", "2026-01-01", "é"]), min_size=1, max_size=3
)
RULES = st.lists(
    st.builds(
        lambda name, levels, low, weight: (
            Rule(name, in_=tuple(levels), weight=weight)
            if low is None
            else Rule(name, range=(low, None), weight=weight)
        ),
        st.sampled_from(["streaming_tv", "country", "budget", "yes", "a b", "#x"]),
        LEVELS,
        st.none() | st.floats(-1e6, 1e6),
        st.sampled_from([1.0, 2.0, 0.3]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda rule: rule.attribute,
).map(tuple)
STATEMENTS = st.lists(
    st.builds(
        lambda de, en, mark: Statement({"de": de, "en": en}, mark),
        LINES,
        LINES,
        st.sampled_from([Mark(), Mark("measured", 7, 0.1, 0.0, 1.5), Mark("said", 3, wording="x: y # z")]),
    ),
    max_size=2,
).map(tuple)


@given(RULES, STATEMENTS, STATEMENTS, LINES, st.none() | st.just(Revenue((None, 5.5), "EUR")))
@settings(max_examples=40, deadline=None)
def test_any_change_is_read_back_as_it_was_meant(
    rules: tuple[Rule, ...],
    needs: tuple[Statement, ...],
    evidence: tuple[Statement, ...],
    owner: str,
    revenue: Revenue | None,
) -> None:
    first = Persona._from_text(TEXT, Path("p.yaml"))
    second = first.changed(rules=rules, needs=needs, evidence=evidence, owner=owner, revenue=revenue)
    text = second.to_text()
    again = Persona._from_text(text, Path("p.yaml"))
    assert again == second
    # comments that belong to nothing that changed are there, and back again gives all that was not dropped
    for comment in ("# a persona, written by hand", "# short", "# whom we mean"):
        assert comment in text
    assert (
        Persona._from_text(again.changed(rules=first.rules, needs=first.needs).to_text(), Path("p.yaml")).rules
        == first.rules
    )


def test_committed_personas_are_assumed_and_have_no_contract_in_their_rules() -> None:
    for folder, names in (
        ("telco", ["basic", "family", "streaming"]),
        ("accounts", ["bargain", "grower", "keeper"]),
    ):
        personas = Persona.load_all(ROOT / "data" / "personas" / folder)
        assert [persona.name for persona in personas] == names
        for persona in personas:
            statements = [*persona.needs, *persona.channels, *persona.qualifying_questions, *persona.evidence]
            assert {said.mark.kind for said in statements} == {"assumed"}
            assert not set(persona.attributes) & {"contract", "payment_method", "paperless_billing", "tenure"}
            assert not persona.evidence


def test_example_in_the_documents_is_one() -> None:
    example = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "personas.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    persona = Persona._from_text(example[1], Path("personas.md"))
    assert set(persona.plain()) >= {"needs", "channels", "bonding", "revenue", "qualifying_questions", "evidence"}


def test_rules_that_nobody_can_meet_or_that_count_nothing_are_errors() -> None:
    with pytest.raises(kb.ArgumentError, match="holds nothing or everything"):
        Rule("budget", range=(5, 5))
    with pytest.raises(kb.ArgumentError, match="weight: 0 is out of range; allowed: a number above 0"):
        Rule("budget", range=(5, None), weight=0)
