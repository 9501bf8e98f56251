//! A plan's nodes: every state against every step, and which may come after which.

use super::*;

fn node(state: PlanState, owner: Option<AgentRef>) -> PlanNode {
    PlanNode { state, owner, ..PlanNode::new("count them".to_owned(), String::new(), Vec::new(), Time(1)) }
}

fn somebody(id: u128) -> AgentRef {
    AgentRef::new("/root/bea".parse().unwrap(), AgentId::from_u128(id))
}

/// One of each record of a plan, with every field filled.
pub(super) fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let me = somebody(7);
    let planned = PlanNode {
        state: PlanState::Dropped { at: LATER, reason: Some("r".to_owned()) },
        owner: Some(me.clone()),
        evidence: vec!["e".to_owned()],
        commit: Some("c0ffee1".to_owned()),
        ..PlanNode::new("t".to_owned(), "n".to_owned(), vec![1, 2], NOW)
    };
    let what = PlanWhat::Assigned { to: me.clone() };
    vec![
        ("plan", Plan { of: me.id, next: 3, jobs: vec![PlanJob { job: me.clone(), nodes: vec![2, 0] }] }.encode()),
        ("plan node", planned.encode()),
        ("event, plan", Event::PlanChanged { agent: me, nodes: vec![1, 2], what }.encode()),
    ]
}

fn standing(node: &PlanNode) -> String {
    let state = match &node.state {
        PlanState::Todo => String::new(),
        PlanState::Doing { since: at } | PlanState::Done { at } => format!(" since {}", at.0),
        PlanState::Dropped { at, reason } => format!(" since {}, because {:?}", at.0, reason.as_deref()),
    };
    let owner = node.owner.as_ref().map_or("nobody", |owner| owner.path.as_str());
    format!("{}{state}; {owner}; changed {}", node.state.as_str(), node.changed_at.0)
}

#[test]
fn a_plan_nodes_course() {
    let reason = || Some("too dear".to_owned());
    let states = [
        ("todo", node(PlanState::Todo, None)),
        ("doing", node(PlanState::Doing { since: Time(5) }, None)),
        ("doing, owned", node(PlanState::Doing { since: Time(5) }, Some(somebody(1)))),
        ("done", node(PlanState::Done { at: Time(5) }, Some(somebody(1)))),
        ("dropped", node(PlanState::Dropped { at: Time(5), reason: None }, None)),
    ];
    let step = |step: PlanStep| move |node: &PlanNode| say(node.step(&step, NOW), standing);
    let drawn = table(
        &states,
        &[
            ("start", &step(PlanStep::Start { owner: None })),
            ("start by its owner", &step(PlanStep::Start { owner: Some(somebody(1)) })),
            ("start by a namesake", &step(PlanStep::Start { owner: Some(somebody(2)) })),
            ("finish", &step(PlanStep::Finish)),
            ("drop", &step(PlanStep::Drop { reason: reason() })),
            ("reopen", &step(PlanStep::Reopen)),
        ],
    );
    assert_snapshot!(drawn);
}

#[test]
fn evidence_is_added_once_and_stays() {
    let shown = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let done = node(PlanState::Todo, None).shown_by(&shown(&["a", "b", "a"])).step(&PlanStep::Finish, NOW).unwrap();
    let again = done.shown_by(&shown(&["b", "c"])).step(&PlanStep::Reopen, NOW).unwrap();
    assert_eq!(again.evidence, shown(&["a", "b", "c"]));
}

#[test]
fn a_head_forgets_a_job_when_none_of_its_rows_is_a_node_any_more() {
    let mut head = Plan::new(AgentId::from_u128(7));
    head.jobs = vec![PlanJob { job: somebody(1), nodes: vec![4, 2] }, PlanJob { job: somebody(2), nodes: vec![3] }];
    head.take_back(4);
    let given = |head: &Plan| head.jobs.iter().map(|job| job.nodes.clone()).collect::<Vec<_>>();
    assert_eq!(given(&head), [vec![0, 2], vec![3]]);
    head.take_back(2);
    assert_eq!(given(&head), [vec![3]]);
}

/// A graph of nodes with these dependencies; those named in `over` are done.
fn graph(edges: &[(u32, &[u32])], over: &[u32]) -> PlanGraph {
    let node = |number: u32, after: &[u32]| PlanNode {
        after: after.to_vec(),
        ..node(if over.contains(&number) { PlanState::Done { at: NOW } } else { PlanState::Todo }, None)
    };
    PlanGraph::new(edges.iter().map(|(number, after)| (*number, node(*number, after))))
}

#[test]
fn what_would_come_after_itself_is_refused_with_the_way() {
    let chain = graph(&[(1, &[]), (2, &[1]), (3, &[2]), (4, &[1])], &[]);
    let check = |number: u32, after: &[u32], expected: &str| {
        assert_eq!(say(chain.put_after(number, after), |after| format!("{after:?}")), expected, "{number} {after:?}");
    };
    check(4, &[3, 2, 3], "[2, 3]");
    check(1, &[], "[]");
    check(5, &[4, 1], "[1, 4]");
    check(1, &[1], "refused: cannot come after itself");
    check(1, &[7], "refused: cannot come after 7, which is not there");
    check(2, &[3], "refused: cannot come after 3: 3 comes after 2");
    check(1, &[4, 3], "refused: cannot come after 3: 3 comes after 2 comes after 1");
}

#[test]
fn a_node_is_ready_when_all_before_it_are_over() {
    let graph = graph(&[(1, &[]), (2, &[1]), (3, &[1, 2]), (4, &[2])], &[1]);
    let (node, dropped) = (|number| &graph.nodes()[&number], PlanState::Dropped { at: NOW, reason: None });
    let ready: Vec<bool> = (1..=4).map(|number| graph.is_ready(node(number))).collect();
    assert_eq!(ready, [false, true, false, false], "one that is done is not begun");
    assert_eq!(graph.waits_for(node(3)), [2]);
    let refusal = graph.demand_free(node(3)).unwrap_err().to_string();
    assert_eq!(refusal, "cannot be started: it comes after 2, not done yet");
    let mut other = graph.clone();
    other.put(2, PlanNode { state: dropped, ..node(2).clone() });
    assert!(other.is_ready(node(3)), "nobody waits for what shall not be done");
}

#[test]
fn levels_are_the_longest_way_and_rounds_have_none() {
    let sound = graph(&[(1, &[3]), (2, &[]), (3, &[2]), (4, &[2, 1])], &[]);
    assert_eq!(sound.levels(), Ok([(1, 2), (2, 0), (3, 1), (4, 3)].into()));
    let round = graph(&[(1, &[]), (2, &[3]), (3, &[2]), (4, &[3])], &[]);
    assert_eq!(round.levels(), Err(vec![2, 3, 4]));
}

proptest! {
    /// Whatever is asked, in whatever order, what was let in has no round, and a refusal was right.
    #[test]
    fn no_edges_make_a_round(asked in proptest::collection::vec((1_u32..8, 1_u32..8), 0..40)) {
        let mut graph = graph(&(1..8).map(|number| (number, &[] as &[u32])).collect::<Vec<_>>(), &[]);
        for (number, before) in asked {
            let node = graph.nodes()[&number].clone();
            let wanted: Vec<u32> = node.after.iter().copied().chain([before]).collect();
            match graph.put_after(number, &wanted) {
                Ok(after) => graph.put(number, PlanNode { after, ..node }),
                Err(_) => {
                    let mut other = graph.clone();
                    other.put(number, PlanNode { after: wanted, ..node });
                    prop_assert!(other.levels().is_err());
                }
            }
            prop_assert!(graph.levels().is_ok());
        }
    }
}
