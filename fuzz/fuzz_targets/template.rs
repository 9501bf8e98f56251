//! Templates: every text is one, a cell is put in once and not looked at again, and a text without braces is itself.
//!
//! The first line is the cell that every column has; the rest is the template.

#![no_main]

use libfuzzer_sys::fuzz_target;
use understory_actors::job::template::Template;

/// What no input has: its character is taken out of them.
const MARK: &str = "\u{fdd0}";

fuzz_target!(|input: &str| {
    let input = input.replace(MARK, "");
    let (cell, text) = input.split_once('\n').unwrap_or(("", &input));
    let template = Template::parse(text);
    let rendered = template.render(|_| Some(cell));
    assert_eq!(rendered.len(), template.rendered_bytes(|_| Some(cell)));
    assert_eq!(rendered, template.render(|_| Some(MARK)).replace(MARK, cell), "a cell was looked at");
    assert_eq!(template.render(|_| None).len(), template.rendered_bytes(|_| None));
    if !text.contains(['{', '}']) {
        assert_eq!(rendered, text);
    }
    for column in template.columns() {
        assert!(text.contains(&format!("{{{column}}}")));
    }
});
