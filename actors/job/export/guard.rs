//! Cells that a spreadsheet would take for a formula.

use std::borrow::Cow;

/// Puts an apostrophe before a cell that a spreadsheet would take for a formula. A number is none, whatever its sign.
pub(super) fn guarded(cell: &str) -> Cow<'_, str> {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) && !is_number(cell) {
        true => Cow::Owned(format!("'{cell}")),
        false => Cow::Borrowed(cell),
    }
}

fn is_number(cell: &str) -> bool {
    // The parser takes infinities and more by their names.
    let plain = cell.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    plain && cell.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_guarded_and_nothing_else() {
        let check = |cell: &str, wanted: &str| assert_eq!(guarded(cell), wanted, "{cell:?}");
        for formula in ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "=", "-", "+", "@"] {
            check(formula, &format!("'{formula}"));
        }
        // A number by its name, and what a spreadsheet reckons out.
        for formula in ["-inf", "+nan", "-1.5.2", "-1e", "+1-1", "--1", "-1,5", "=1"] {
            check(formula, &format!("'{formula}"));
        }
        for number in ["-1.5", "+3", "-1e5", "-.5", "+2.", "-1E-7", "-0"] {
            check(number, number);
        }
        for plain in ["", "a=1", " =1", "1-1", "'=1", "{\"a\":\"=1\"}", "ü"] {
            check(plain, plain);
        }
    }
}
