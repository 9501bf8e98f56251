//! A tree as a page of lines: what is many is folded, so that a swarm of a million agents is a page too.

use understory::{AgentPath, Error, Node, Runtime};

use crate::lines::{Tree, TreeLine};
use crate::told::node_line;

/// How many nodes one answer lists.
const NODES_MAX: usize = 2000;
/// How many children that are not listed are counted, in all: each is read.
const COUNTED_MAX: usize = 10_000;

/// What lies at and below `top`, parents first, at most `children` below each node. Of a job's items only the job's counts
/// are told.
pub(crate) async fn tree(runtime: &Runtime, top: &AgentPath, children: usize) -> Result<Tree, Error> {
    let (mut nodes, mut left) = (Vec::new(), COUNTED_MAX);
    let mut ahead = vec![runtime.agent(top.clone()).show().await?];
    while let Some(view) = ahead.pop() {
        if nodes.len() == NODES_MAX {
            return Ok(Tree { nodes, cut: true });
        }
        let (hidden, uncounted) = match &view.node {
            Node::Job(_) => (0, false),
            _ => {
                // One is always looked for: that there are more is told in any case.
                let count = left.max(1);
                let below = runtime.system().children(&view.path, children.min(NODES_MAX), count).await?;
                ahead.extend(below.first.into_iter().rev());
                let hidden = usize::try_from(below.more).unwrap_or(usize::MAX);
                left = left.saturating_sub(hidden);
                (below.more, hidden >= count)
            }
        };
        nodes.push(TreeLine { node: node_line(&view), hidden, uncounted });
    }
    Ok(Tree { nodes, cut: false })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use understory::SpawnRequest;

    use super::*;

    #[tokio::test]
    async fn of_very_many_children_no_more_are_counted_than_is_useful() {
        let runtime = Runtime::builder().in_memory().await.unwrap();
        let agent = |path: String| SpawnRequest::at(path.parse().unwrap());
        let answers = runtime.spawn_many((0..COUNTED_MAX + 500).map(|n| agent(format!("/root/n{n:05}")))).await;
        assert!(answers.iter().all(Result::is_ok));
        let below = (0..3).map(|n| agent(format!("/root/n00000/k{n}")));
        assert!(runtime.spawn_many(below).await.iter().all(Result::is_ok));
        let found = tree(&runtime, &AgentPath::root(), 2).await.unwrap();
        let told = |line: &TreeLine| (line.node.path.as_str().to_owned(), line.hidden, line.uncounted);
        let told: Vec<_> = found.nodes.iter().map(told).collect();
        let counted = COUNTED_MAX as u64;
        assert_eq!(
            told,
            [
                ("/root".to_owned(), counted, true),
                ("/root/n00000".to_owned(), 1, true),
                ("/root/n00000/k0".to_owned(), 0, false),
                ("/root/n00000/k1".to_owned(), 0, false),
                ("/root/n00001".to_owned(), 0, false),
            ]
        );
        runtime.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}
