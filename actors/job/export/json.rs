//! JSON without blanks.

/// Takes the blanks between the parts of a JSON text away, and nothing else: numbers keep all their digits.
pub(in crate::job) fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |&character: &char| {
        let kept = in_string || !matches!(character, ' ' | '\t' | '\n' | '\r');
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        kept
    };
    json.chars().filter(keep).collect()
}
