//! A tree as a page of lines: what is many is folded, so that a swarm of a million agents is a page too.

use understory::{AgentPath, Error, Node, Runtime};

use crate::lines::{Tree, TreeLine};
use crate::told::node_line;

/// How many nodes one answer lists.
const NODES_MAX: usize = 2000;
/// How far children that are not listed are counted.
const COUNTED_MAX: usize = 100_000;

/// What lies at and below `top`, parents first, at most `children` below each node. Of a job's items only the job's counts
/// are told.
pub(crate) async fn tree(runtime: &Runtime, top: &AgentPath, children: usize) -> Result<Tree, Error> {
    let mut nodes = Vec::new();
    let mut ahead = vec![runtime.agent(top.clone()).show().await?];
    while let Some(view) = ahead.pop() {
        if nodes.len() == NODES_MAX {
            return Ok(Tree { nodes, cut: true });
        }
        let hidden = match &view.node {
            Node::Job(_) => 0,
            _ => {
                let below = runtime.system().children(&view.path, children.min(NODES_MAX), COUNTED_MAX).await?;
                ahead.extend(below.first.into_iter().rev());
                below.more
            }
        };
        nodes.push(TreeLine { node: node_line(&view), hidden });
    }
    Ok(Tree { nodes, cut: false })
}
