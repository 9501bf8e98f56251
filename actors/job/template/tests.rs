use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

/// Renders with the columns `a` = `1`, `b` = `{a}`, `full name` = `Bay Springs` and the blank one = `blank`.
fn render(text: &str) -> String {
    let template = Template::parse(text);
    let rendered = template.render(cell);
    assert_eq!(template.rendered_bytes(cell), rendered.len());
    rendered
}

fn cell(name: &str) -> Option<&'static str> {
    match name {
        "a" => Some("1"),
        "b" => Some("{a}"),
        "full name" => Some("Bay Springs"),
        "" => Some("blank"),
        _ => None,
    }
}

/// J9
#[test]
fn columns_expand_and_doubled_braces_are_one() {
    assert_eq!(render("see {full name}, {a}{a}"), "see Bay Springs, 11");
    assert_eq!(render(r#"answer {{"n": {a}}}"#), r#"answer {"n": 1}"#);
    assert_eq!(render("{{a}} {{{a}}} {{{{a}}}}"), "{a} {1} {{a}}");
    assert_eq!(render("{}"), "blank");
}

/// J10
#[test]
fn an_unknown_name_stays_as_written() {
    assert_eq!(render("{x} {A} { a } {x}}"), "{x} {A} { a } {x}}");
    assert_eq!(render(r#"{"n": 1}"#), r#"{"n": 1}"#);
}

/// J24
#[test]
fn a_cell_is_not_expanded_again() {
    assert_eq!(render("{b} then {a}"), "{a} then 1");
    assert_eq!(render("{{{b}}}"), "{{a}}");
}

#[test]
fn a_brace_without_its_other_is_a_brace() {
    assert_eq!(render("{"), "{");
    assert_eq!(render("a } b { c"), "a } b { c");
    assert_eq!(render("{x{a}"), "{x1");
    assert_eq!(render("{a"), "{a");
    assert_eq!(render("{a}}}}"), "1}}");
}

#[test]
fn columns_are_named_once_in_order() {
    let template = Template::parse("{b} {{not}} {a} {b} {full name}");
    assert_eq!(template.columns().collect::<Vec<_>>(), ["b", "a", "full name"]);
}

#[test]
fn a_name_that_is_no_column_is_a_warning() {
    let headers = ["a".to_owned(), "b".to_owned()];
    assert_eq!(Template::parse("{a} {{x}} {b}").unknown_columns(&headers), None);
    let warning = Template::parse("{a} {c} {c} {full name}").unknown_columns(&headers).unwrap();
    assert_eq!(warning.to_string(), r#"the template names "c", "full name", but the table has "a", "b""#);
}

#[test]
fn a_length_too_large_to_count_is_the_largest() {
    let template = Template::parse(&"{a}".repeat(10_000));
    let cell = "x".repeat(256 << 10);
    assert_eq!(template.rendered_bytes(|_| Some(&cell)), 10_000 * cell.len());
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_text_is_a_template(text in prop_oneof!["[{}ab ]{0,20}", any::<String>()]) {
        let rendered = render(&text);
        if !text.contains(['{', '}']) {
            prop_assert_eq!(rendered, text);
        }
    }

    #[test]
    fn pieces_are_found_as_they_were_put(pieces in vec((".{0,4}|[{}]{1,3}", "[a-c]{1,2}", "[{}a-c]{0,4}"), 0..6)) {
        let (mut text, mut wanted) = (String::new(), String::new());
        for (literal, name, cell) in &pieces {
            text += &literal.replace('{', "{{").replace('}', "}}");
            text += &format!("{{{name}}}");
            // The first cell of a name is the one found.
            let first = pieces.iter().find(|piece| piece.1 == *name).map_or(cell, |piece| &piece.2);
            wanted += &format!("{literal}{first}");
        }
        let lookup = |name: &str| pieces.iter().find(|piece| piece.1 == name).map(|piece| piece.2.as_str());
        prop_assert_eq!(Template::parse(&text).render(lookup), wanted);
    }
}
