use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::{AgentPath, DEPTH_MAX, PATH_MAX, PathRule, SEGMENT_MAX};

fn path(text: &str) -> AgentPath {
    text.parse().unwrap()
}

fn told(input: &str, result: Result<AgentPath, crate::PathError>) -> String {
    match result {
        Ok(path) => format!("{input:?} -> {path}\n"),
        Err(error) => format!("{input:?} -> {error}\n"),
    }
}

#[test]
fn a_bad_name_is_refused_with_its_rule() {
    let table: String =
        ["", "root", ".", "..", "a/b", "BadName", "a-b", "a b", "é", "a.b", "a\n", "morpheus", "_", "0"]
            .iter()
            .map(|name| told(name, AgentPath::root().join(name)))
            .collect();
    insta::assert_snapshot!(table, @r#"
    "" -> bad agent name "": it is empty
    "root" -> bad agent name "root": only the top of the tree is called root, and its path is /root
    "." -> bad agent name ".": . and .. are no names and are never followed
    ".." -> bad agent name "..": . and .. are no names and are never followed
    "a/b" -> bad agent name "a/b": one name is wanted, without /
    "BadName" -> bad agent name "BadName": 'B' is not one of a-z, 0-9 and _
    "a-b" -> bad agent name "a-b": '-' is not one of a-z, 0-9 and _
    "a b" -> bad agent name "a b": ' ' is not one of a-z, 0-9 and _
    "é" -> bad agent name "é": 'é' is not one of a-z, 0-9 and _
    "a.b" -> bad agent name "a.b": '.' is not one of a-z, 0-9 and _
    "a\n" -> bad agent name "a\n": '\n' is not one of a-z, 0-9 and _
    "morpheus" -> /root/morpheus
    "_" -> /root/_
    "0" -> /root/0
    "#);
}

#[test]
fn a_bad_path_is_refused_with_its_rule() {
    let table: String = [
        "",
        "foo",
        "/",
        "/not-root",
        "/rooted",
        "/morpheus",
        "/morpheus/x",
        "root/a",
        "/root",
        "/root/",
        "/root//",
        "/root//a",
        "/root/a/",
        "/root/root",
        "/root/a/root",
        "/root/a/../b",
        "/root/./b",
        "/root/Ada",
        "/root/morpheus",
        "/root/a",
    ]
    .iter()
    .map(|text| told(text, text.parse()))
    .collect();
    insta::assert_snapshot!(table, @r#"
    "" -> bad agent path "": it is empty
    "foo" -> bad agent path "foo": a path starts at /root
    "/" -> bad agent path "/": a path starts at /root
    "/not-root" -> bad agent path "/not-root": a path starts at /root
    "/rooted" -> bad agent path "/rooted": a path starts at /root
    "/morpheus" -> bad agent path "/morpheus": a path starts at /root
    "/morpheus/x" -> bad agent path "/morpheus/x": a path starts at /root
    "root/a" -> bad agent path "root/a": a path starts at /root
    "/root" -> /root
    "/root/" -> bad agent path "/root/": the last character must not be /
    "/root//" -> bad agent path "/root//": the last character must not be /
    "/root//a" -> bad agent path "/root//a": there is no name between two slashes
    "/root/a/" -> bad agent path "/root/a/": the last character must not be /
    "/root/root" -> bad agent path "/root/root": only the top of the tree is called root, and its path is /root
    "/root/a/root" -> bad agent path "/root/a/root": only the top of the tree is called root, and its path is /root
    "/root/a/../b" -> bad agent path "/root/a/../b": . and .. are no names and are never followed
    "/root/./b" -> bad agent path "/root/./b": . and .. are no names and are never followed
    "/root/Ada" -> bad agent path "/root/Ada": 'A' is not one of a-z, 0-9 and _
    "/root/morpheus" -> /root/morpheus
    "/root/a" -> /root/a
    "#);
}

#[test]
fn a_reference_resolves_below_the_caller_or_from_the_root() {
    let ada = path("/root/ada");
    let table: String = [
        "",
        "../sibling",
        "./a",
        "a/..",
        "worker/",
        "a//b",
        "root",
        "//a",
        "/",
        "/foo",
        "pages",
        "pages/r1",
        "/root",
        "/root/ben",
    ]
    .iter()
    .map(|reference| told(reference, ada.resolve(reference)))
    .collect();
    insta::assert_snapshot!(table, @r#"
    "" -> bad agent path "": it is empty
    "../sibling" -> bad agent path "../sibling": . and .. are no names and are never followed
    "./a" -> bad agent path "./a": . and .. are no names and are never followed
    "a/.." -> bad agent path "a/..": . and .. are no names and are never followed
    "worker/" -> bad agent path "worker/": the last character must not be /
    "a//b" -> bad agent path "a//b": there is no name between two slashes
    "root" -> bad agent path "root": only the top of the tree is called root, and its path is /root
    "//a" -> bad agent path "//a": a path starts at /root
    "/" -> bad agent path "/": a path starts at /root
    "/foo" -> bad agent path "/foo": a path starts at /root
    "pages" -> /root/ada/pages
    "pages/r1" -> /root/ada/pages/r1
    "/root" -> /root
    "/root/ben" -> /root/ben
    "#);
}

#[test]
fn every_length_is_bounded_exactly() {
    let root = AgentPath::root();
    let longest = "a".repeat(SEGMENT_MAX);
    assert_eq!(root.join(&longest).unwrap().name(), longest);

    // 5 bytes of root and 7 names of 65 with their slash leave 52.
    let deep = (0..7).fold(root.clone(), |path, _| path.join(&longest).unwrap());
    assert_eq!(deep.join(&"b".repeat(51)).unwrap().as_str().len(), PATH_MAX);

    let deepest = (0..DEPTH_MAX).fold(root.clone(), |path, _| path.join("a").unwrap());
    assert_eq!(deepest.depth(), DEPTH_MAX);
    assert_eq!(deepest.as_str().split('/').skip(1).count(), 32);

    let too_long = format!("{deep}/{}", "b".repeat(52));
    let mut table = String::new();
    for refused in [
        root.join(&"a".repeat(SEGMENT_MAX + 1)),
        too_long.parse(),
        deep.join(&"b".repeat(52)),
        deep.resolve(&"b/".repeat(300)),
        deepest.join("a"),
        deepest.resolve("a/a"),
        format!("{deepest}/a").parse(),
    ] {
        writeln!(table, "{}", refused.unwrap_err()).unwrap();
    }
    insta::assert_snapshot!(table, @r#"
    bad agent name "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": a name of 65 bytes is too long, the limit is 64
    bad agent path "/root/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa…": a path of 513 bytes is too long, the limit is 512
    bad agent path "/root/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa…": a path of 513 bytes is too long, the limit is 512
    bad agent path "b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/b/…": a path of 600 bytes is too long, the limit is 512
    bad agent path "/root/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a": 32 names below /root are too deep, the limit is 31
    bad agent path "/root/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a": 33 names below /root are too deep, the limit is 31
    bad agent path "/root/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a": 32 names below /root are too deep, the limit is 31
    "#);
}

#[test]
fn an_error_keeps_the_rule_and_the_text() {
    let error = "/root/Ada".parse::<AgentPath>().unwrap_err();
    assert_eq!((error.input(), error.rule()), ("/root/Ada", PathRule::Character('A')));
}

#[test]
fn the_root_is_its_own_kind() {
    let root = AgentPath::root();
    assert_eq!((root.as_str(), root.name(), root.depth(), root.is_root()), ("/root", "root", 0, true));
    assert_eq!(root.parent(), None);
    assert_eq!(root.ancestors().count(), 0);
    let child = path("/root/a");
    assert!(!child.is_root());
    assert_eq!(AsRef::<str>::as_ref(&child), child.as_str());
}

#[test]
fn ancestors_go_from_the_parent_to_the_root() {
    let above: Vec<String> = path("/root/ada/pages/r1").ancestors().map(|path| path.to_string()).collect();
    assert_eq!(above, ["/root/ada/pages", "/root/ada", "/root"]);
}

#[test]
fn a_map_of_paths_is_read_by_text() {
    assert!(HashSet::from([path("/root/ada")]).contains("/root/ada"));
    assert!(BTreeSet::from([path("/root/ada")]).contains("/root/ada"));
    assert_eq!(format!("{:?} [{:>10}]", path("/root/ada"), path("/root/a")), "/root/ada [   /root/a]");
}

#[test]
fn reading_a_bad_path_from_json_says_why() {
    let error = serde_json::from_str::<AgentPath>(r#""/root/Ada""#).unwrap_err();
    insta::assert_snapshot!(error, @r#"bad agent path "/root/Ada": 'A' is not one of a-z, 0-9 and _"#);
}

/// What the grammar says, written a second time and another way.
fn is_path(text: &str) -> bool {
    let mut segments = text.split('/');
    let legal = |name: &str| {
        (1..=64).contains(&name.len())
            && name != "root"
            && name.bytes().all(|b| b == b'_' || b.is_ascii_digit() || b.is_ascii_lowercase())
    };
    text.len() <= 512
        && segments.clone().count() <= 33
        && segments.next() == Some("")
        && segments.next() == Some("root")
        && segments.all(legal)
}

fn name() -> impl Strategy<Value = String> {
    // Few characters, both ends of the set among them, so that names are often prefixes of one another.
    "[a0_z]{1,3}"
}

fn any_path() -> impl Strategy<Value = AgentPath> {
    vec(name(), 0..6).prop_map(|names| names.iter().fold(AgentPath::root(), |path, name| path.join(name).unwrap()))
}

/// A path with at most one fault, so that a fault is never hidden by another.
fn nearly_a_path() -> impl Strategy<Value = String> {
    let sound = prop_oneof![9 => "[a-z0-9_]{1,3}", 1 => "a{60,64}"];
    let faulty = prop_oneof!["[a-z]?[ -~é\u{0}][a-z]?", "a{64,66}", Just("root".to_owned()), Just(String::new())];
    let start = prop_oneof![9 => Just("/root"), 1 => Just("/"), 1 => Just(""), 1 => Just("/rooted")];
    (start, vec(sound, 0..35), proptest::option::of((any::<prop::sample::Index>(), faulty))).prop_map(
        |(start, mut names, fault)| {
            if let Some((at, fault)) = fault {
                names.insert(at.index(names.len() + 1), fault);
            }
            names.iter().fold(start.to_owned(), |text, name| text + "/" + name)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn exactly_the_grammar_is_read(
        text in prop_oneof![nearly_a_path(), any_path().prop_map(|path| path.to_string()), any::<String>()],
    ) {
        prop_assert_eq!(text.parse::<AgentPath>().is_ok(), is_path(&text));
        prop_assert_eq!(AgentPath::try_from(text.clone()).is_ok(), is_path(&text));
    }

    #[test]
    fn text_and_json_come_back(path in any_path()) {
        prop_assert_eq!(path.to_string().parse::<AgentPath>().unwrap(), path.clone());
        let json = serde_json::to_string(&path).unwrap();
        prop_assert_eq!(&json, &format!("\"{path}\""));
        prop_assert_eq!(serde_json::from_str::<AgentPath>(&json).unwrap(), path);
    }

    #[test]
    fn join_and_parent_undo_each_other(path in any_path(), name in name()) {
        let child = path.join(&name).unwrap();
        prop_assert_eq!(child.name(), name);
        prop_assert_eq!(child.depth(), path.depth() + 1);
        prop_assert_eq!(child.parent().unwrap(), path);
    }

    #[test]
    fn contains_is_self_or_an_ancestor(a in any_path(), b in any_path()) {
        prop_assert_eq!(a.contains(&b), format!("{b}/").starts_with(&format!("{a}/")));
        prop_assert_eq!(a.contains(&b), a == b || b.ancestors().any(|above| above == a));
    }

    #[test]
    fn order_keeps_subtrees_whole_and_parents_first(paths in vec(any_path(), 1..40)) {
        let tree: BTreeSet<AgentPath> = paths.iter().flat_map(|path| path.ancestors().chain([path.clone()])).collect();
        let tree: Vec<AgentPath> = tree.into_iter().collect();
        for (at, top) in tree.iter().enumerate() {
            let below = tree.iter().filter(|path| top.contains(path)).count();
            prop_assert!(tree[at..at + below].iter().all(|path| top.contains(path)), "{} in {:?}", top, tree);
        }
    }

    #[test]
    fn resolving_is_joining_name_by_name(path in any_path(), names in vec(name(), 1..6)) {
        let joined = names.iter().try_fold(path.clone(), |path, name| path.join(name));
        prop_assert_eq!(path.resolve(&names.join("/")), joined);
    }

    #[test]
    fn an_absolute_reference_forgets_the_caller(caller in any_path(), target in any_path()) {
        prop_assert_eq!(caller.resolve(target.as_str()).unwrap(), target);
    }
}
