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

#[expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]
#[path = "../examples/pipeline.rs"]
mod pipeline;

#[tokio::test(flavor = "multi_thread")]
async fn the_pipeline_runs_each_row_once_and_sums_up_the_same_again() {
    let home = tempfile::tempdir().unwrap();
    let (states, ran) = pipeline::run(home.path()).await.unwrap();
    assert_eq!((ran, states.values().map(|sum| sum.airports).sum::<u32>()), (3376, 3376));
    let colorado = &states["CO"];
    assert!(colorado.km / f64::from(colorado.airports) < 300.0, "{colorado:?}");
    assert_eq!(pipeline::run(home.path()).await.unwrap(), (states, 0));
    let output = std::fs::read_to_string(home.path().join("distances.csv")).unwrap();
    assert_eq!(output.lines().count(), 3377);
}
