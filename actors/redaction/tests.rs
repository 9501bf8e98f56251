use proptest::prelude::*;

use super::*;

/// So many characters that a token may have.
fn random(len: usize) -> String {
    "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7".chars().cycle().take(len).collect()
}

/// What stands for a secret of each kind, in parts that no scanner takes for one.
fn canaries() -> Vec<(&'static str, String)> {
    let upper = "A1B2C3D4E5F6G7H8".to_owned();
    let hex: String = "0123456789abcdef".repeat(4);
    vec![
        ("aws_key", format!("AKIA{upper}")),
        ("github_token", format!("ghp_{}", random(36))),
        ("github_token", format!("github_pat_{}_{}", random(22), random(59))),
        ("gitlab_token", format!("glpat-{}", random(20))),
        ("slack_token", format!("xoxb-123456789012-{}", random(24))),
        ("slack_token", format!("xapp-1-{}", random(24))),
        ("api_key", format!("sk-{}", random(48))),
        ("api_key", format!("sk-proj-{}", random(64))),
        ("api_key", format!("sk-ant-api03-{}", random(80))),
        ("google_key", format!("AIza{}", random(35))),
        ("google_key", format!("ya29.{}", random(40))),
        ("stripe_key", format!("sk_live_{}", random(24))),
        ("stripe_key", format!("whsec_{}", random(32))),
        ("token", format!("npm_{}", random(36))),
        ("token", format!("pypi-{}", random(60))),
        ("token", format!("hf_{}", random(34))),
        ("token", format!("SG.{}.{}", random(22), random(43))),
        ("token", format!("dop_v1_{hex}")),
        ("token", format!("understory_{hex}")),
        ("jwt", format!("eyJ{}.eyJ{}.{}", random(20), random(40), random(43))),
    ]
}

fn check(text: &str, expected: &str) {
    let Redacted { text: redacted, found } = redact(text);
    assert_eq!(redacted, expected, "of {text:?}");
    assert_eq!(found > 0, text != expected, "{text:?}");
}

#[test]
fn tokens_of_every_issuer_are_taken_out() {
    for (kind, canary) in canaries() {
        check(&format!("it is {canary}, keep it"), &format!("it is [redacted:{kind}], keep it"));
        check(&format!("({canary})"), &format!("([redacted:{kind}])"));
        check(&format!(r#"{{"a":"{canary}"}}"#), &format!(r#"{{"a":"[redacted:{kind}]"}}"#));
    }
}

#[test]
fn what_is_assigned_to_the_name_of_a_secret_is_taken_out() {
    for (text, expected) in [
        ("password=hunter2", "password=[redacted:secret]"),
        ("Password: hunter2.", "Password: [redacted:secret]"),
        ("DB_PASSWORD='two words'", "DB_PASSWORD='[redacted:secret]'"),
        ("passwd := \"abc\"", "passwd := \"[redacted:secret]\""),
        ("api_key: abcd", "api_key: [redacted:secret]"),
        ("apiKey=>abcd", "apiKey=>[redacted:secret]"),
        (r#"{"client_secret": "x y z"}"#, r#"{"client_secret": "[redacted:secret]"}"#),
        (r#"{\"api-key\": \"x y z\"}"#, r#"{\"api-key\": \"[redacted:secret]\"}"#),
        ("aws_secret_access_key = abc/def+ghi", "aws_secret_access_key = [redacted:secret]"),
        ("access_token=abcdef&b=1", "access_token=[redacted:secret]"),
        ("token: abc4defgh1", "token: [redacted:token]"),
        ("mysql --password hunter2 -u root", "mysql --password [redacted:password] -u root"),
        ("tool --api-key=hunter2", "tool --api-key=[redacted:password]"),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_stands_in_addresses_headers_and_blocks_is_taken_out() {
    let block =
        |kind: &str, body: &str| format!("-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----");
    let stub = format!("hooks.slack.com/{}/T0/B0/x1", "services");
    for (text, expected) in [
        ("postgres://app:p@ss:w@db:5432/x", "postgres://app:[redacted:password]@db:5432/x"),
        ("https://:tok@host/", "https://:[redacted:password]@host/"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted:authorization]"),
        ("-H 'authorization: Basic dTpw'", "-H 'authorization: Basic [redacted:authorization]'"),
        (r#""Authorization": "abc""#, r#""Authorization": "[redacted:authorization]""#),
        ("send bearer abcdefghijklmnop1 along", "send bearer [redacted:bearer] along"),
        (stub.as_str(), "hooks.slack.com/services/[redacted:webhook]"),
        (&format!("a {} b", block("", "MII\nx")), "a [redacted:private_key] b"),
        (&format!("{}{}", block("RSA ", "1"), block("OPENSSH ", "2")), "[redacted:private_key][redacted:private_key]"),
        ("-----BEGIN EC PRIVATE KEY-----\ncut off", "[redacted:private_key]"),
    ] {
        check(text, expected);
    }
}

#[test]
fn plain_words_stay() {
    for text in [
        "",
        "the build needs a token, ask ops",
        "tokens: 15 of 20 used",
        "signature: handwritten",
        "the password is in the vault",
        "ssh://git@example.com/repo.git and https://example.com:8080/a@b",
        "author: ada, secretary: bob",
        "keep-alive: 5, key: value",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "sk-learn is no key, nor is eyJ",
        "the bearer of bad news",
        "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
        "id 0190a5b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b",
    ] {
        check(text, text);
    }
}

#[test]
fn what_is_bared_by_another_and_what_only_looks_taken_out_is_taken_out() {
    // The `/` hides the password of an address until the token that it is in is gone.
    check("https://u:token=ab1/cdefgh@h", "https://u:[redacted:password]@h");
    check("password=[redacted:hunter2]", "password=[redacted:secret]");
    check("password=[redacted:secret]hunter2", "password=[redacted:secret]");
}

#[test]
fn several_are_counted() {
    let two = format!("{} password=hunter2", canaries()[0].1);
    assert_eq!(redact(&two).found, 2);
    assert_eq!(redact("plain").found, 0);
    let many = format!("{} ", canaries()[0].1).repeat(20);
    assert_eq!(redact(&many).found, 20, "of one kind, more than it looks");
}

proptest! {
    #[test]
    fn a_canary_is_found_in_whatever_stands_around_it(
        before in "[^A-Za-z0-9_]{0,12}",
        behind in "[^A-Za-z0-9_.-]{0,12}",
        which in 0..20_usize,
    ) {
        let canary = canaries()[which].1.clone();
        let redacted = redact(&format!("{before}{canary}{behind}"));
        prop_assert!(!redacted.text.contains(&canary), "{}", redacted.text);
        prop_assert!(redacted.found > 0);
    }

    #[test]
    fn what_was_redacted_stays_as_it_is(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("password=".to_owned()), Just("token: ".to_owned()), Just("https://u:".to_owned()), Just("@h".to_owned()),
                Just("Authorization: ".to_owned()), Just("\"".to_owned()), Just("'".to_owned()), Just(" ".to_owned()),
                Just("[redacted:".to_owned()), Just("]".to_owned()), Just("--password ".to_owned()),
                (0..20_usize).prop_map(|which| canaries()[which].1.clone()),
                ".{0,6}", "[a-z0-9]{0,12}",
            ],
            0..8,
        ),
    ) {
        let once = redact(&parts.concat());
        let twice = redact(&once.text);
        prop_assert_eq!(&twice.text, &once.text);
    }
}
