use super::*;

fn pool(names: &[&str]) -> Result<NicknamePool, PoolError> {
    NicknamePool::new(names.iter().map(|name| (*name).to_owned()))
}

#[test]
fn ordinals_are_those_of_the_language() {
    let table: Vec<String> =
        [1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 100, 101, 102, 103, 111, 112, 113, 121, 1002, 1011]
            .into_iter()
            .map(ordinal)
            .collect();
    assert_eq!(
        table.join(" "),
        "1st 2nd 3rd 4th 10th 11th 12th 13th 14th 20th 21st 22nd 23rd 24th 100th 101st 102nd 103rd 111th 112th 113th \
         121st 1002nd 1011th"
    );
}

#[test]
fn a_pool_that_is_used_up_begins_again_with_ordinals() {
    let one = pool(&["alpha"]).unwrap();
    let names = [0, 1, 2, 10, 20, 110].map(|at| one.name(0, at));
    assert_eq!(
        names,
        ["alpha", "alpha the 2nd", "alpha the 3rd", "alpha the 11th", "alpha the 21st", "alpha the 111th"]
    );
    let three = pool(&["a", "b", "c"]).unwrap();
    let names: Vec<String> = (0..7).map(|at| three.name(2, at)).collect();
    assert_eq!(names, ["c", "a", "b", "c the 2nd", "a the 2nd", "b the 2nd", "c the 3rd"]);
}

#[test]
fn the_built_in_names_are_a_pool_of_a_hundred() {
    let own = pool(&NAMES).unwrap();
    assert_eq!(own.len(), 100);
    assert!(NAMES.iter().all(|name| name.len() <= 8 && name.chars().all(|c| c.is_ascii_alphabetic())));
    let starts: HashSet<u64> =
        (0..20).map(|n| NicknamePool::below(&format!("/root/a{n}").parse().unwrap()).1).collect();
    assert!(starts.len() > 10, "parents begin in different places: {starts:?}");
    let again = NicknamePool::below(&AgentPath::root());
    assert_eq!(again.0.name(again.1, 0), "Lark", "a parent begins in the same place in every process and release");
}

#[test]
fn what_is_no_pool_is_refused_in_words() {
    let long = "x".repeat(41);
    let cases: [&[&str]; 8] =
        [&[], &["a", " "], &["a", "b", " A "], &["a/b"], &["Zoë"], &["tab\there"], &[&long], &[" ok ", "the 2-nd_1"]];
    let said: Vec<String> = cases
        .iter()
        .map(|names| match pool(names) {
            Ok(pool) => format!("{:?}", pool.names()),
            Err(error) => error.to_string(),
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    nicknames must contain at least one name
    nicknames cannot contain blank names
    nicknames cannot contain duplicates: "A"
    nicknames may only contain ASCII letters, digits, spaces, hyphens and underscores: "a/b"
    nicknames may only contain ASCII letters, digits, spaces, hyphens and underscores: "Zoë"
    nicknames may only contain ASCII letters, digits, spaces, hyphens and underscores: "tab\there"
    nicknames may have at most 40 bytes: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    ["ok", "the 2-nd_1"]
    "#);
}

#[test]
fn what_cannot_be_a_nickname_is_refused_in_words() {
    let (long, full) = ("x".repeat(65), "x".repeat(64));
    let cases = [
        "",
        " ",
        "a\nb",
        "a\0b",
        "\u{1b}[2J",
        "a\u{200b}da",
        "\u{202e}ada",
        " ada",
        "ada ",
        "@ada",
        "a/b",
        "/root",
        &long,
        &full,
        "Ada",
        "Ada L",
        "Zoë",
        "阿达",
        "a@b",
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|nickname| match demand_nickname(nickname) {
            Ok(()) => format!("{nickname} will do"),
            Err(error) => error.to_string(),
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    nickname "" is empty
    nickname " " is empty
    nickname "a\nb" has a character that cannot be seen
    nickname "a\0b" has a character that cannot be seen
    nickname "\u{1b}[2J" has a character that cannot be seen
    nickname "a\u{200b}da" has a character that cannot be seen
    nickname "\u{202e}ada" has a character that cannot be seen
    nickname " ada" begins or ends with a blank
    nickname "ada " begins or ends with a blank
    nickname "@ada" reads as an address
    nickname "a/b" reads as an address
    nickname "/root" reads as an address
    nickname has 65 bytes, over the limit of 64
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx will do
    Ada will do
    Ada L will do
    Zoë will do
    阿达 will do
    a@b will do
    "#);
}
