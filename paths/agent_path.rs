//! The path of an agent.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize, Serializer};

use crate::error::{PathError, PathRule};

/// The most bytes in one name.
pub const SEGMENT_MAX: usize = 64;

/// The most bytes in a path.
pub const PATH_MAX: usize = 512;

/// The greatest [`AgentPath::depth`]: 31 names below `/root`, 32 segments with it.
pub const DEPTH_MAX: usize = 31;

const ROOT: &str = "/root";

/// The path of an agent: `/root`, or names of `a-z`, `0-9` and `_` below it.
///
/// Clones share one allocation. The order is that of the bytes, which is the order of the tree: a parent comes before
/// everything below it, and nothing else comes in between.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct AgentPath(Arc<str>);

/// The paths above an agent, nearest first; made by [`AgentPath::ancestors`].
#[derive(Clone, Debug)]
pub struct Ancestors(Option<AgentPath>);

impl AgentPath {
    /// Returns `/root`, the top of every tree.
    pub fn root() -> Self {
        static TOP: LazyLock<AgentPath> = LazyLock::new(|| AgentPath(Arc::from(ROOT)));
        TOP.clone()
    }

    /// Returns the path of the child called `name`.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        check_segment(name).map_err(|rule| PathError::name(name, rule))?;
        self.below(name)
    }

    /// Returns what `reference` means to this agent: an absolute path is itself, anything else lies below.
    ///
    /// A bare name is therefore a child, never a sibling. `.` and `..` are refused wherever they stand.
    pub fn resolve(&self, reference: &str) -> Result<Self, PathError> {
        if reference.starts_with('/') {
            return reference.parse();
        }
        check_length(reference)
            .and_then(|()| check_segments(reference))
            .map_err(|rule| PathError::path(reference, rule))?;
        self.below(reference)
    }

    /// Returns the path one name shorter, or `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => None,
            Some((above, _)) => Some(Self(Arc::from(above))),
        }
    }

    /// Returns the paths above this one, from the parent up to the root.
    pub fn ancestors(&self) -> Ancestors {
        Ancestors(self.parent())
    }

    /// Returns the last name, `root` for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Returns how many names stand below `/root`: 0 for the root.
    pub fn depth(&self) -> usize {
        depth(&self.0)
    }

    /// Reports whether this is `/root`.
    pub fn is_root(&self) -> bool {
        &*self.0 == ROOT
    }

    /// Reports whether `other` is this path or lies below it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends names that have been checked one by one.
    fn below(&self, names: &str) -> Result<Self, PathError> {
        let whole = format!("{self}/{names}");
        check_length(&whole).and_then(|()| check_depth(&whole)).map_err(|rule| PathError::path(&whole, rule))?;
        Ok(Self(whole.into()))
    }
}

impl Iterator for Ancestors {
    type Item = AgentPath;

    fn next(&mut self) -> Option<AgentPath> {
        let next = self.0.take()?;
        self.0 = next.parent();
        Some(next)
    }
}

impl FromStr for AgentPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        check(text)?;
        Ok(Self(Arc::from(text)))
    }
}

impl TryFrom<&str> for AgentPath {
    type Error = PathError;

    fn try_from(text: &str) -> Result<Self, PathError> {
        text.parse()
    }
}

impl TryFrom<String> for AgentPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        check(&text)?;
        Ok(Self(text.into()))
    }
}

impl AsRef<str> for AgentPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for AgentPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AgentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AgentPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn check(path: &str) -> Result<(), PathError> {
    check_whole(path).map_err(|rule| PathError::path(path, rule))
}

fn check_whole(path: &str) -> Result<(), PathRule> {
    check_length(path)?;
    let below = path.strip_prefix(ROOT).ok_or(if path.is_empty() { PathRule::Empty } else { PathRule::Outside })?;
    if below.is_empty() {
        return Ok(());
    }
    match below.strip_prefix('/') {
        None => return Err(PathRule::Outside),
        Some("") => return Err(PathRule::TrailingSlash),
        Some(names) => check_segments(names)?,
    }
    check_depth(path)
}

fn check_segments(names: &str) -> Result<(), PathRule> {
    if names.is_empty() {
        return Err(PathRule::Empty);
    }
    if names.ends_with('/') {
        return Err(PathRule::TrailingSlash);
    }
    names.split('/').try_for_each(|name| match check_segment(name) {
        Err(PathRule::Empty) => Err(PathRule::EmptySegment),
        checked => checked,
    })
}

fn check_segment(name: &str) -> Result<(), PathRule> {
    match name {
        "" => return Err(PathRule::Empty),
        "root" => return Err(PathRule::Reserved),
        "." | ".." => return Err(PathRule::Dots),
        _ if name.contains('/') => return Err(PathRule::Slash),
        _ => {}
    }
    if let Some(foreign) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_')) {
        return Err(PathRule::Character(foreign));
    }
    if name.len() > SEGMENT_MAX {
        return Err(PathRule::SegmentTooLong(name.len()));
    }
    Ok(())
}

fn check_length(path: &str) -> Result<(), PathRule> {
    if path.len() > PATH_MAX { Err(PathRule::PathTooLong(path.len())) } else { Ok(()) }
}

fn check_depth(path: &str) -> Result<(), PathRule> {
    match depth(path) {
        names if names > DEPTH_MAX => Err(PathRule::TooDeep(names)),
        _ => Ok(()),
    }
}

/// Counts the names below `/root`, given that the path starts with one slash.
fn depth(path: &str) -> usize {
    path.bytes().filter(|&byte| byte == b'/').count() - 1
}
