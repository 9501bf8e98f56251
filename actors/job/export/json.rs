//! JSON as text: without blanks, and taken apart.

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

/// The keys of a JSON object without blanks, and the texts of their values; nothing for what is no object.
pub(super) fn entries(object: &str) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    let Some(mut rest) = object.strip_prefix('{') else { return found };
    while let Some((key, behind)) = split(rest, b':')
        && let Ok(key) = serde_json::from_str(key)
        && let Some((value, behind)) = split(behind, b',')
    {
        found.push((key, value));
        rest = behind;
    }
    found
}

/// Parts a text at the first `end` that lies in no string, array or object, or where what is around it ends.
fn split(text: &str, end: u8) -> Option<(&str, &str)> {
    let (mut in_string, mut escaped, mut depth) = (false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            _ if depth == 0 && (byte == end || matches!(byte, b'}' | b']')) => {
                return Some((&text[..at], &text[at + 1..]));
            }
            _ => {}
        }
    }
    None
}
