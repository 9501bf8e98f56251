//! The examples run, and run again on what they left.

#[expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]
#[path = "../examples/swarm.rs"]
mod swarm;

#[tokio::test(flavor = "multi_thread")]
async fn the_swarm_grows_with_each_run() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(swarm::run(home.path()).await.unwrap(), 5, "root, ada and three readers");
    assert_eq!(swarm::run(home.path()).await.unwrap(), 8, "and three readers more");
}
