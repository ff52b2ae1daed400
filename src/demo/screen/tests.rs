use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::*;
use crate::core::fleet::{Key, Topology};
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Outcome, Stage, State};
use crate::demo::picture::{Life, Places, Row, Server, Tally};

const STARTED: Time = Time::from_unix(1_800_000_000);

fn at(seconds: i64) -> Time {
    STARTED + Span::seconds(seconds)
}

fn row(namespace: &str, name: &str) -> Row {
    Row {
        key: Key::new(namespace, name),
        topology: Topology::Standalone,
        servers: vec![Server::Newest],
        life: Some(Life { begins: at(60), ends: at(180), due: at(102) }),
        state: State::Fresh,
        stage: Stage::Normal,
        due: false,
        reason: None,
        next: Some(at(102)),
        last: Some((Outcome::Verified, at(66))),
        message: Some("nothing is due".to_owned()),
    }
}

fn news(seconds: i64, about: &str, text: &str, tone: Tone) -> News {
    News { at: at(seconds), about: about.to_owned(), text: text.to_owned(), tone, ended: None }
}

fn picture() -> Picture {
    let catalog = Row {
        servers: vec![Server::Older],
        life: Some(Life { begins: at(1), ends: at(151), due: at(53) }),
        state: State::Waiting,
        due: true,
        reason: Some("BudgetNamespace"),
        next: None,
        last: None,
        message: Some(
            "certificate catalog-server-cert ends soon; waits for BudgetNamespace".into(),
        ),
        ..row("shop", "catalog")
    };
    let orders = Row {
        topology: Topology::GroupReplication,
        servers: vec![Server::Older, Server::Newest, Server::Down],
        life: Some(Life { begins: at(2), ends: at(182), due: at(65) }),
        state: State::Rotating,
        stage: Stage::Urgent,
        due: true,
        reason: Some("RenewalDue"),
        next: None,
        last: Some((Outcome::PartlyServed, at(30))),
        message: Some("a rotation is under way".into()),
        ..row("shop", "orders")
    };
    let told = [
        news(2, "web/blog", "database Ready", Tone::Good),
        news(
            65,
            "shop/orders",
            "rotation opened for RenewalDue, 1:57 of its life left",
            Tone::Step,
        ),
        news(66, "shop/orders", "request orders-rotate-0a1b2c3d created", Tone::Step),
        news(71, "shop/orders", "orders-1 serves the new certificate", Tone::Step),
        news(73, "shop/catalog", "attempt partlyServed", Tone::Bad),
    ];
    Picture {
        now: at(75),
        started: STARTED,
        databases: vec![catalog, orders, row("web", "blog")],
        tally: Tally { verified: 4, otherwise: 1 },
        news: VecDeque::from(told),
        places: Places {
            kubeconfig: "/tmp/certrotor-demo-Ab3x/kubeconfig".into(),
            config: "/tmp/certrotor-demo-Ab3x/certrotor.yaml".into(),
            metrics: (Ipv4Addr::LOCALHOST, 9440).into(),
        },
    }
}

fn screen(width: usize, height: usize) -> Screen {
    Screen { width, height, ability: Ability { colour: false, glyphs: &UNICODE } }
}

fn drawn(width: usize, height: usize) -> String {
    draw(&picture(), &screen(width, height)).join("\n")
}

#[test]
fn show_me() {
    for (width, height) in [(80, 24), (120, 30), (200, 50), (40, 24), (60, 12), (30, 8), (10, 3)] {
        println!("{width}x{height}\n{}\n{}", "-".repeat(width), drawn(width, height));
    }
    let colour =
        Screen { width: 80, height: 24, ability: Ability { colour: true, glyphs: &UNICODE } };
    println!("{}", draw(&picture(), &colour).join("\n"));
}
