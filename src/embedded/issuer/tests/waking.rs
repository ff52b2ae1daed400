use super::*;

/// When each issuance began.
fn beginnings(world: &World) -> Vec<Time> {
    let commits = world.server.commits_after(0);
    let begun = commits.iter().filter(|commit| {
        let now = commit.after.as_ref().map(|object| condition(object, "Issuing"));
        let before = commit.before.as_ref().map(|object| condition(object, "Issuing"));
        now.is_some_and(|it| it["status"] == "True")
            && before.is_none_or(|it| it["status"] != "True")
    });
    begun.map(|commit| commit.time).collect()
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_at_its_time_to_the_second_again_and_again() {
    for (spec, every) in [
        (json!({}), 400),
        (json!({"renewBefore": "3m"}), 420),
        (json!({"renewBeforePercentage": 10}), 540),
        (json!({"duration": "90s"}), 60),
    ] {
        let world = World::new();
        // The second has begun when everything starts.
        sleep(Duration::from_millis(300)).await;
        let noon = world.now();
        let issuer = world.start();
        world.add_certificate("web", &spec);
        world.wait(Span::seconds(3 * every)).await;
        let expected: Vec<_> = (0..=3).map(|turn| noon + Span::seconds(turn * every)).collect();
        assert_eq!(beginnings(&world), expected, "{spec}");
        let status = world.status("web");
        assert_eq!(status["renewalTime"], json!(noon + Span::seconds(4 * every)));
        assert_eq!(status["revision"], 4);
        issuer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_renewal_lets_it_expire_and_says_so() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({"renewal": {"policy": "Disabled"}}));
    world.settle().await;
    assert_eq!(world.status("web")["renewalTime"], Value::Null);
    let noon: Time = NOON.parse().unwrap();
    world.wait((noon + Span::seconds(600)).since(world.now())).await;
    assert_eq!(world.condition("web", "Ready")["status"], "True", "its last second is part of it");
    world.wait(Span::seconds(1)).await;
    let ready = world.condition("web", "Ready");
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("Expired")));
    assert_eq!(ready["message"], "Certificate expired on Mon, 23 Nov 2026 12:10:00 UTC");
    world.wait(Span::DAY).await;
    assert_eq!(world.status("web")["revision"], 1);
    world.demand("web").await;
    world.settle().await;
    assert_eq!(world.condition("web", "Ready")["status"], "True");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_forward_is_noticed_within_a_minute() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({"duration": "2160h"}));
    world.settle().await;
    // A host that slept for 70 days: no timer has noticed.
    world.clock.step(Span::days(70));
    world.wait(Span::seconds(61)).await;
    assert_eq!(world.status("web")["revision"], 2);
    world.leaf("web", "web.prod.svc");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_renews_nothing_early_and_nothing_twice() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({}));
    world.settle().await;
    world.clock.step(Span::minutes(-5));
    world.wait(Span::minutes(11)).await;
    assert_eq!(world.status("web")["revision"], 1, "eleven minutes less five are not ten");
    world.wait(Span::MINUTE).await;
    assert_eq!(world.status("web")["revision"], 2);
    issuer.abort();
}
