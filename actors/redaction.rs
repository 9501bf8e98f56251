//! Secrets taken out of a text before it is stored.
//!
//! What looks like a secret is replaced by `[redacted:KIND]`. Known are the shapes in [`SHAPES`]: key blocks, passwords in
//! addresses, headers and options, assignments to names such as `password` or `api_key`, and tokens that their issuers give a
//! mark. It goes by shape alone: a secret without one is not found, and what only looks like one is lost.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A text without what looked like a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// What is left.
    pub text: String,
    /// How many were taken out.
    pub found: usize,
}

/// How often a text is looked through at the most.
const LOOKS_MAX: usize = 8;
/// The kind whose names may mean something else: its secrets have a digit.
const WEAK: &str = "token";

/// What a kind of secret looks like. The group `secret` is taken out, or the whole of it.
struct Shape {
    kind: &'static str,
    pattern: &'static str,
}

/// In the order in which they are looked for: what is told by its surroundings first, so that it is taken out whole.
const SHAPES: [Shape; 17] = [
    Shape {
        kind: "private_key",
        pattern: r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    },
    Shape { kind: "password", pattern: r#"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@"'<>]*:(?P<secret>[^\s/"'<>]+)@"# },
    Shape {
        kind: "webhook",
        pattern: r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_+-]+)",
    },
    Shape {
        kind: "authorization",
        pattern: r#"(?i)(?-u:\b)authorization\\?["']?\s*[:=]\s*\\?["']?(?:(?:bearer|basic|token|digest|negotiate|apikey)\s+)?(?P<secret>[^\s"'\\,;]+)"#,
    },
    Shape { kind: "bearer", pattern: r"(?i)(?-u:\b)bearer\s+(?P<secret>[a-z0-9._~+/=-]{16,})" },
    Shape {
        kind: "password",
        pattern: r#"(?i)--?(?:password|passwd|passphrase|secret|token|api-?key|access-?key)(?:\s+|=)\\?["']?(?P<secret>[^\s"'\\-][^\s"'\\]*)"#,
    },
    // A name that means a secret, whatever stands around it; a value in quotes is taken out whole.
    Shape {
        kind: "secret",
        pattern: r#"(?i)(?:password|passwd|passphrase|pwd|secret(?:[_.-]?(?:access)?[_.-]?key)?|api[_.-]?key|apikey|access[_.-]?key|private[_.-]?key|auth[_.-]?token|access[_.-]?token|refresh[_.-]?token|session[_.-]?token|client[_.-]?secret)\\?["']?\s*(?::=|=>|=|:)\s*(?:"(?P<secret>[^"\r\n]{3,})"|\\"(?P<escaped>[^"\r\n]{3,}?)\\"|'(?P<single>[^'\r\n]{3,})'|(?P<bare>[^\s"'\\,;()<>{}]{4,}))"#,
    },
    // Names that may mean something else: only with a value of some length, and a digit in it.
    Shape {
        kind: "token",
        pattern: r#"(?i)(?:token|credentials?|signature|auth)\\?["']?\s*(?::=|=>|=|:)\s*\\?["']?(?P<secret>[a-z0-9._~+/=-]{8,})"#,
    },
    Shape { kind: "aws_key", pattern: r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)" },
    Shape { kind: "github_token", pattern: r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})" },
    Shape {
        kind: "gitlab_token",
        pattern: r"(?-u:\b)gl(?:pat|ptt|rt|dt|ft|oas|soat|cbt|imt|agent|ffct)-[A-Za-z0-9_.-]{20,}",
    },
    Shape { kind: "slack_token", pattern: r"(?-u:\b)x(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,}" },
    // OpenAI, Anthropic and those who took the shape from them.
    Shape { kind: "api_key", pattern: r"(?-u:\b)sk-[A-Za-z0-9_-]{20,}" },
    Shape { kind: "google_key", pattern: r"(?-u:\b)(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,})" },
    Shape { kind: "stripe_key", pattern: r"(?-u:\b)(?:[rs]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,}" },
    Shape {
        kind: "token",
        pattern: r"(?-u:\b)(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}|hf_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|do[opr]_v1_[a-f0-9]{64}|understory_[a-f0-9]{64})",
    },
    Shape { kind: "jwt", pattern: r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?" },
];

/// Takes out of a text what looks like a secret. What was taken out before stays as it is.
///
/// It looks again as long as it finds something, for what is taken out may bare what stands beside it.
pub fn redact(text: &str) -> Redacted {
    static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        SHAPES.iter().map(|shape| Regex::new(shape.pattern).expect("the shapes are patterns")).collect()
    });
    let mut redacted = Redacted { text: text.to_owned(), found: 0 };
    for _ in 0..LOOKS_MAX {
        let before = redacted.found;
        for (shape, pattern) in SHAPES.iter().zip(PATTERNS.iter()) {
            redacted.take_out(shape.kind, pattern);
        }
        if redacted.found == before {
            break;
        }
    }
    redacted
}

impl Redacted {
    fn take_out(&mut self, kind: &str, pattern: &Regex) {
        let mut found = 0;
        let text = pattern.replace_all(&self.text, |captures: &Captures<'_>| {
            let whole = captures.get(0).expect("a match has a whole");
            let named = ["secret", "escaped", "single", "bare"].iter().find_map(|name| captures.name(name));
            let secret = named.unwrap_or(whole);
            if is_taken_out(secret.as_str())
                || (kind == WEAK && !secret.as_str().contains(|c: char| c.is_ascii_digit()))
            {
                return whole.as_str().to_owned();
            }
            found += 1;
            let (before, behind) = (secret.start() - whole.start(), secret.end() - whole.start());
            format!("{}[redacted:{kind}]{}", &whole.as_str()[..before], &whole.as_str()[behind..])
        });
        self.text = text.into_owned();
        self.found += found;
    }
}

/// Whether a value is what stands for one that was taken out, perhaps with the end of a sentence behind it.
fn is_taken_out(value: &str) -> bool {
    let kind = value.strip_prefix("[redacted:").and_then(|rest| rest.split_once(']'));
    kind.is_some_and(|(kind, rest)| {
        SHAPES.iter().any(|shape| shape.kind == kind) && rest.chars().all(|c| c.is_ascii_punctuation())
    })
}

#[cfg(test)]
mod tests;
