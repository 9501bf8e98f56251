//! The requests of plans and goals beside the ones in the tables, as an agent makes them.

use super::*;

/// The requests of a plan beside the one in the tables, and the tools that do the same.
#[tokio::test]
async fn every_request_of_a_plan_is_judged() {
    let expected = &rows(AS_AN_AGENT)["plan"];
    let update = json!({ "node": 1, "title": "U" });
    for (n, (relation, at)) in RELATIONS.into_iter().enumerate() {
        let (place, wanted) = (Place::new().await, expected.chars().nth(n).unwrap());
        let with = |more: &Value| {
            let mut document = more.clone();
            document["path"] = at.into();
            document
        };
        if wanted == '+' {
            place
                .runtime
                .plan(path(at))
                .add(&[understory::NewPlanNode { title: "T".to_owned(), ..Default::default() }])
                .await
                .unwrap();
        }
        let assign = json!({ "node": 1, "to": "/root/p/me/new", "create": true, "role": null, "follow": "leave" });
        for asked in [
            json!({ "show": with(&json!({ "ready": false })) }),
            json!({ "graph": with(&json!({ "drawn_as": "lines" })) }),
            json!({ "update": with(&update) }),
            json!({ "assign": with(&assign) }),
            json!({ "clear": with(&json!({ "finished": false })) }),
        ] {
            let request = Request::Plan(serde_json::from_value(asked.clone()).unwrap());
            // An agent without a brain takes no turn.
            let wanted = if asked["assign"].is_object() && wanted == '+' { '!' } else { wanted };
            assert_eq!(mark("plan", at, place.ask(true, &request).await), wanted, "{relation}: {asked}");
        }
        for (tool, arguments) in [
            ("plan_show", json!({ "agent": at })),
            ("plan_add", json!({ "agent": at, "nodes": [{ "title": "T" }] })),
            ("plan_update", json!({ "agent": at, "node": 2, "status": "done" })),
            ("plan_assign", json!({ "agent": at, "node": 2, "to": "kid" })),
        ] {
            let answered = place.tools.call(tool, &arguments.to_string()).await.map_err(Failure::from);
            // What is taken out is not given to anybody.
            let wanted = if (tool, wanted) == ("plan_assign", '+') { '!' } else { wanted };
            assert_eq!(mark(tool, at, answered), wanted, "{relation}: {tool}");
        }
        place.end().await;
    }
}

/// The requests of goals beside the one in the tables.
#[tokio::test]
async fn every_request_of_a_goal_is_judged() {
    let place = Place::new().await;
    let all = [ME, "/root/p/me/kid", "/root/p", "/root/p/twin"];
    for at in all {
        place.ask(false, &request("goal", at)).await.unwrap();
    }
    for (name, more, expected) in [
        ("show", json!({}), "++.."),
        ("tree", json!({ "after": null, "limit": 5 }), "++.."),
        ("pause", json!({ "reason": "" }), ".+.."),
        ("resume", json!({}), ".+.."),
        ("raise", json!({ "budget": 5 }), ".+.."),
        ("clear", json!({}), ".+.."),
    ] {
        let mut found = String::new();
        for at in all {
            let mut arguments = more.clone();
            arguments["path"] = at.into();
            let request = serde_json::from_value(json!({ "verb": "goal", name: arguments })).unwrap();
            found.push(mark(name, at, place.ask(true, &request).await));
        }
        assert_eq!(found, expected, "{name}");
    }
    place.end().await;
}
