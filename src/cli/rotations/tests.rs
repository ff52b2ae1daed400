use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::explain::explained;
use super::row::{Table, cells};
use super::wish::Waiting;
use crate::core::time::Time;

const NOW: &str = "2026-11-24T10:00:00Z";

fn now() -> Time {
    NOW.parse().unwrap()
}

fn rotation(spec: &Value, status: &Value) -> DynamicObject {
    let object = json!({
        "apiVersion": "certrotor.dev/v1alpha1",
        "kind": "Rotation",
        "metadata": {"namespace": "shop", "name": "orders"},
        "spec": spec,
        "status": status,
    });
    serde_json::from_value(object).unwrap()
}

fn waiting() -> DynamicObject {
    let status = json!({
        "state": "Waiting",
        "reasons": ["RenewalDue", "ScheduleDue", "WindowClosed", "BudgetTotal"],
        "message": "certificate server ends in 20d; waits for WindowClosed",
        "expires": "2026-12-14T11:00:00Z",
        "next": "2026-11-28T02:00:00Z",
        "lastOutcome": "failed",
    });
    rotation(&json!({}), &status)
}

#[test]
fn a_row_says_what_it_is_why_and_how_far_away() {
    let cases = [
        (waiting(), "Waiting RenewalDue,WindowClosed 20d 1h 3d 16h failed"),
        (rotation(&json!({}), &json!({})), "– – – – –"),
        (
            rotation(
                &json!({}),
                &json!({"state": "Fresh", "expires": "2026-11-24T09:00:00Z", "next": "2026-11-24T09:59:00Z"}),
            ),
            "Fresh – 1h ago now –",
        ),
        (
            rotation(
                &json!({}),
                &json!({"state": "Odd\u{1b}[2J", "reasons": [7], "expires": "soon"}),
            ),
            r"Odd\u{1b}[2J – soon – –",
        ),
    ];
    for (rotation, row) in cases {
        assert_eq!(cells(&rotation, now())[2..7].join(" "), row);
    }
}

#[test]
fn a_table_is_as_wide_as_its_widest_cells_and_hides_what_is_not_asked_for() {
    let rows = [cells(&waiting(), now())];
    let plain = |text: String| anstream::adapter::strip_str(&text).to_string();
    let lines = |table: &Table| [table.heading(), plain(table.row(&rows[0]))];
    assert_eq!(
        lines(&Table::new(&rows, false, false)),
        [
            "NAME     STATE     REASON                    EXPIRES   NEXT     LAST",
            "orders   Waiting   RenewalDue,WindowClosed   20d 1h    3d 16h   failed",
        ]
    );
    let wide = lines(&Table::new(&rows, true, true));
    assert!(wide[0].starts_with("NAMESPACE   NAME "), "{wide:?}");
    assert!(
        wide[1].ends_with("   certificate server ends in 20d; waits for WindowClosed"),
        "{wide:?}"
    );
}

#[test]
fn an_explanation_says_every_word_with_what_it_means() {
    let text = explained(&waiting(), now());
    let expected = "\
shop/orders
  State            Waiting: A rotation is due and a gate is closed.
  Message          certificate server ends in 20d; waits for WindowClosed
  Expires          2026-12-14T11:00:00Z (in 20d 1h)
  Next             2026-11-28T02:00:00Z, to the minute

Why it is due
  RenewalDue: What is left of a certificate's life is below `renewBefore`.
  ScheduleDue: An occurrence of `rotation.schedule` has passed and is not satisfied yet.
";
    assert_eq!(&text[..expected.len()], expected);
    assert!(text.contains("\nWhy it waits\n  WindowClosed: "), "{text}");
}

#[test]
fn an_explanation_tells_the_story_of_the_open_rotation_and_the_one_before() {
    let status = json!({
        "state": "Rotating",
        "certificates": [{"alias": "server", "notAfter": "2026-11-25T10:00:00Z", "serial": "0a"}],
        "current": {
            "opened": "2026-11-24T09:58:00Z",
            "causes": [{"cause": "RenewalDue", "alias": "server"}],
            "attempt": 2,
            "failures": 1,
            "request": {"name": "orders-rotate-1", "created": "2026-11-24T09:59:00Z"},
        },
        "last": {
            "opened": "2026-10-01T00:00:00Z",
            "closed": "2026-10-01T00:10:00Z",
            "causes": [{"cause": "Requested"}],
            "attempt": 1,
            "outcome": "verified",
            "request": {"name": "orders-rotate-0"},
        },
        "attempts": [{"request": "orders-rotate-0", "outcome": "failed", "ended": "2026-11-24T09:00:00Z"}],
    });
    let text = explained(&rotation(&json!({"requestedAt": "1\u{7}"}), &status), now());
    for line in [
        "  server           ends 2026-11-25T10:00:00Z (in 1d), serial 0a",
        "  requestedAt      1\\u{7}",
        "  Opened           2026-11-24T09:58:00Z (2m ago), for RenewalDue of server",
        "  Attempt          2, 1 failed before",
        "  Request          orders-rotate-1: created 2026-11-24T09:59:00Z (1m ago)",
        "  Opened           2026-10-01T00:00:00Z (54d 10h ago), for Requested",
        "  failed           2026-11-24T09:00:00Z (1h ago)",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn nobody_looked_at_it_yet_is_said() {
    let text = explained(&rotation(&json!({}), &json!({})), now());
    assert_eq!(
        text,
        "shop/orders\n  State            certrotor has not looked at it yet: does the daemon run?\n"
    );
}

#[test]
fn waiting_says_each_thing_once_and_ends_when_the_wish_was_handled() {
    let asked = json!({"requestedAt": "now"});
    let see = |status: Value| rotation(&asked, &status);
    let closed = json!({
        "state": "Waiting", "reasons": ["Requested", "WindowClosed"], "next": "2026-11-28T02:00:00Z"
    });
    let rotating =
        json!({"state": "Rotating", "current": {"request": {"name": "orders-rotate-1"}}});
    let before =
        json!({"handledRequest": "before", "state": "Fresh", "last": {"outcome": "failed"}});
    let done = json!({"handledRequest": "now", "state": "Fresh", "last": {"outcome": "verified"}});
    let mut waiting = Waiting::new(&[see(json!({}))]);
    let steps = [
        (json!({}), Some("the daemon has not looked at it yet")),
        (before, Some("Fresh")),
        (closed.clone(), Some("Waiting for WindowClosed until 2026-11-28T02:00:00Z")),
        (closed, None),
        (rotating, Some("Rotating, request orders-rotate-1")),
        (done.clone(), Some("verified")),
        (done, None),
    ];
    for (status, said) in steps {
        let line = waiting.see(&see(status.clone()));
        assert_eq!(line, said.map(|said| format!("shop/orders: {said}")), "{status}");
    }
    assert!(waiting.is_done() && !waiting.has_failed());
}

#[test]
fn a_rotation_that_is_stuck_is_not_waited_for() {
    let asked = json!({"requestedAt": "now"});
    let mut waiting = Waiting::new(&[rotation(&asked, &json!({}))]);
    let stuck = json!({"state": "Stuck", "message": "attempts are exhausted"});
    let line = waiting.see(&rotation(&asked, &stuck));
    assert_eq!(line.as_deref(), Some("shop/orders: Stuck: attempts are exhausted"));
    assert!(waiting.is_done() && waiting.has_failed());
}
