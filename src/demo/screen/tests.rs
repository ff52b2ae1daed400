use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::*;
use crate::core::fleet::{Key, Topology};
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Outcome, Stage, State};
use crate::demo::picture::{Life, Places, Row, Server, Tally};

mod svg;

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
            request: "/tmp/certrotor-demo-Ab3x/change-issuer.yaml".into(),
            config: "/tmp/certrotor-demo-Ab3x/certrotor.yaml".into(),
            metrics: (Ipv4Addr::LOCALHOST, 9440).into(),
            page: (Ipv4Addr::LOCALHOST, 9441).into(),
        },
    }
}

fn screen(width: usize, height: usize) -> Screen {
    Screen { width, height, ability: Ability { colour: false, glyphs: &UNICODE } }
}

/// What a screen of this size shows.
#[track_caller]
fn shows(screen: &Screen, expected: &str) {
    let drawn = draw(&picture(), screen);
    let expected: Vec<&str> = expected.lines().skip(1).collect();
    assert_eq!(drawn, expected, "it is\n{}", drawn.join("\n"));
    assert!(drawn.len() < screen.height, "the last row is the cursor's");
    assert!(drawn.iter().all(|line| line.chars().count() <= screen.width), "too wide");
}

#[test]
fn eighty_columns_show_all_that_matters() {
    let expected = r#"
certrotor demo · up 1:15 · 4 rotations verified · 1 not verified

DATABASE      SERVERS  CERTIFICATE       STATE      REASON        NEXT  LAST
shop/catalog  ○        ━━━━━─┼───  1:16  Waiting    BudgetName…      –  –
shop/orders   ○●·      ━━━━━╸┼───  1:47  Rotating   RenewalDue       –  partlyS…
web/blog      ●        ━━━━━━┿━╸─  1:45  Fresh      –             0:27  verified
● serves the newest certificate  ○ an older one  · down  ┼ a rotation is due

  0:02  web/blog      database Ready
  1:05  shop/orders   rotation opened for RenewalDue, 1:57 of its life left
  1:06  shop/orders   request orders-rotate-0a1b2c3d created
  1:11  shop/orders   orders-1 serves the new certificate
  1:13  shop/catalog  attempt partlyServed


Open http://127.0.0.1:9441, or look from another terminal (Ctrl-C ends it all):
  export KUBECONFIG=/tmp/certrotor-demo-Ab3x/kubeconfig
  kubectl get rotations -A -w
  kubectl get mysql,myops,certificates,pods -A
  kubectl patch rot blog -n web --type merge -p '{"spec":{"requestedAt":"1"}}'
  kubectl apply -f /tmp/certrotor-demo-Ab3x/change-issuer.yaml
  curl -s http://127.0.0.1:9440/metrics
  $EDITOR /tmp/certrotor-demo-Ab3x/certrotor.yaml"#;
    shows(&screen(80, 24), expected);
}

#[test]
fn more_columns_show_the_message_and_a_longer_bar() {
    let expected = r"
certrotor demo · up 1:15 · 4 rotations verified · 1 not verified · 3 databases, 5 servers
DATABASE      SERVERS    CERTIFICATE               STATE      REASON            NEXT  LAST      MESSAGE
shop/catalog  ○          ━━━━━━━━━──┼──────  1:16  Waiting    BudgetNamespace      –  –         certificate catalog-ser…
shop/orders   ○●· group  ━━━━━━━━━━╸┼──────  1:47  Rotating   RenewalDue           –  partlyS…  a rotation is under way
web/blog      ●          ━━━━━━━━━━━┿━━━╸──  1:45  Fresh      –                 0:27  verified  nothing is due

  1:06  shop/orders   request orders-rotate-0a1b2c3d created
  1:11  shop/orders   orders-1 serves the new certificate
  1:13  shop/catalog  attempt partlyServed";
    shows(&screen(120, 10), expected);
}

#[test]
fn two_hundred_columns_say_what_each_command_is_for() {
    let expected = r#"
certrotor demo · up 1:15 · 4 rotations verified · 1 not verified · 3 databases, 5 servers

DATABASE      SERVERS    CERTIFICATE                           STATE      REASON               NEXT  LAST                MESSAGE
shop/catalog  ○          ━━━━━━━━━━━━━━━────┼──────────  1:16  Waiting    BudgetNamespace         –  –                   certificate catalog-server-cert ends soon; waits for BudgetNamespace
shop/orders   ○●· group  ━━━━━━━━━━━━━━━━━╸─┼──────────  1:47  Rotating   RenewalDue              –  partlyServed        a rotation is under way
web/blog      ●          ━━━━━━━━━━━━━━━━━━━┿━━━━━━────  1:45  Fresh      –                    0:27  verified 0:09 ago   nothing is due

  1:06  shop/orders   request orders-rotate-0a1b2c3d created
  1:11  shop/orders   orders-1 serves the new certificate
  1:13  shop/catalog  attempt partlyServed

Open http://127.0.0.1:9441, or look from another terminal (Ctrl-C ends it all):
  export KUBECONFIG=/tmp/certrotor-demo-Ab3x/kubeconfig                           # for the kubectl that you have
  kubectl get rotations -A -w                                                     # the fleet, as it changes
  kubectl get mysql,myops,certificates,pods -A                                    # what it is made of
  kubectl patch rot blog -n web --type merge -p '{"spec":{"requestedAt":"1"}}'    # rotate it by hand; any new value will do
  kubectl apply -f /tmp/certrotor-demo-Ab3x/change-issuer.yaml                    # or add-tls, change-certificates, remove-tls, rotate-tls
  curl -s http://127.0.0.1:9440/metrics                                           # the same for Prometheus
  $EDITOR /tmp/certrotor-demo-Ab3x/certrotor.yaml                                 # the daemon's config, reloaded when it changes"#;
    shows(&screen(200, 20), expected);
}

#[test]
fn forty_columns_keep_name_life_and_state_and_every_command_that_is_shown_works() {
    let expected = r"
certrotor demo · up 1:15

DATABASE      CERTIFICATE      STATE
shop/catalog  ━━━━╸┼───  1:16  Waiting
shop/orders   ━━━━━┼───  1:47  Rotating
web/blog      ━━━━━┿━╸─  1:45  Fresh
┼ a rotation is due

  0:02  web/blog      database Ready
  1:05  shop/orders   rotation opened f…
  1:06  shop/orders   request orders-ro…
  1:11  shop/orders   orders-1 serves t…
  1:13  shop/catalog  attempt partlySer…

From another terminal (Ctrl-C: the end):
  export KUBECONFIG=/tmp/certrotor-demo\
-Ab3x/kubeconfig
  kubectl get rotations -A -w
  curl -s http://127.0.0.1:9440/metrics";
    shows(&screen(40, 20), expected);
    let tiny = draw(&picture(), &screen(14, 40));
    assert_eq!(tiny.last().map(String::as_str), Some("Ctrl-C ends i…"));
}

#[test]
fn a_terminal_without_utf_8_gets_ascii() {
    let expected = r"
certrotor demo - up 1:15 - 4 rotations verified - 1 not verified
DATABASE      SERVERS  CERTIFICATE       STATE      REASON        NEXT  LAST
shop/catalog  o        =====-|---  1:16  Waiting    BudgetName~      -  -
shop/orders   o*.      =====-|---  1:47  Rotating   RenewalDue       -  partlyS~
web/blog      *        ======|=--  1:45  Fresh      -             0:27  verified";
    let ability = Ability { colour: false, glyphs: &ASCII };
    shows(&Screen { width: 80, height: 6, ability }, expected);
}

#[test]
fn when_rows_are_scarce_the_last_databases_are_only_counted() {
    let expected = r"
certrotor demo · up 1:15
DATABASE      CERTIFICATE
shop/catalog  ━━━━━─┼───  1:16
… and 2 more";
    shows(&screen(30, 5), expected);
    for (width, height) in [(1, 1), (5, 2), (9, 3), (400, 100), (0, 0)] {
        let drawn = draw(&picture(), &screen(width, height));
        assert!(drawn.len() <= height.saturating_sub(1), "{width}x{height}");
        assert!(drawn.iter().all(|line| line.chars().count() <= width), "{width}x{height}");
    }
}

#[test]
fn states_have_colours_that_the_environment_can_refuse() {
    let colour = Screen { ability: Ability { colour: true, glyphs: &UNICODE }, ..screen(60, 7) };
    let drawn = draw(&picture(), &colour);
    assert!(drawn[2].contains("\x1b[33mWaiting\x1b[0m"), "{:?}", drawn[2]);
    assert!(drawn[3].contains("\x1b[1;36mRotating\x1b[0m"), "{:?}", drawn[3]);
    assert!(drawn[4].contains("\x1b[32mFresh\x1b[0m"), "{:?}", drawn[4]);

    for (terminal, environment, expected) in [
        (true, &[][..], true),
        (false, &[], false),
        (true, &[("NO_COLOR", "1")], false),
        (true, &[("NO_COLOR", "")], true),
        (true, &[("CLICOLOR", "0")], false),
        (false, &[("CLICOLOR", "1")], false),
        (false, &[("CLICOLOR_FORCE", "1")], true),
        (false, &[("CLICOLOR_FORCE", "0")], false),
        (true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
    ] {
        let ability = ability(terminal, environment);
        assert_eq!(ability.colour, expected, "{terminal} {environment:?}");
    }
}

#[test]
fn the_locale_says_which_signs_can_be_shown() {
    for (environment, expected) in [
        (&[][..], &UNICODE),
        (&[("LANG", "de_DE.UTF-8")], &UNICODE),
        (&[("LANG", "C.utf8")], &UNICODE),
        (&[("LANG", "C")], &ASCII),
        (&[("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")], &ASCII),
        (&[("LANG", "de_DE.ISO-8859-1"), ("LC_CTYPE", "C.UTF-8")], &UNICODE),
    ] {
        assert_eq!(ability(true, environment).glyphs, expected, "{environment:?}");
    }
}

fn ability(terminal: bool, environment: &[(&str, &str)]) -> Ability {
    Ability::of(terminal, |wanted| {
        let found = environment.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn wide_and_hostile_names_are_escaped_and_keep_the_table_straight() {
    let mut picture = picture();
    picture.databases = vec![row("shop", "数据\x1b[2J"), row("web", "blog")];
    picture.news.push_back(news(75, "shop/数据", "\u{202e}gone", Tone::Bad));
    let drawn = draw(&picture, &screen(80, 20)).join("\n");
    assert!(drawn.is_ascii() || !drawn.contains(['数', '\x1b', '\u{202e}']), "{drawn}");
    assert!(drawn.contains("shop/\\u{6570}\\u{636e}\\u{1b}[2J  ●  "), "{drawn}");
    assert!(drawn.contains("\\u{202e}gone"), "{drawn}");
}

#[test]
fn before_there_is_anything_it_says_so() {
    let empty = Picture::new(STARTED, picture().places);
    let drawn = draw(&empty, &screen(80, 24));
    assert_eq!(drawn[0], "certrotor demo · up 0:00 · starting");
}

#[test]
fn without_a_terminal_each_piece_of_news_is_a_line_with_its_time() {
    let ability = Ability { colour: false, glyphs: &UNICODE };
    let told: Vec<String> = picture().news.iter().map(|news| sentence(news, ability)).collect();
    assert_eq!(told[0], "2027-01-15T08:00:02Z  web/blog  database Ready");
    assert_eq!(told[4], "2027-01-15T08:01:13Z  shop/catalog  attempt partlyServed");
    let opening = opening(STARTED, &picture().places, &[Key::new("web", "blog")], ability);
    let path = "export KUBECONFIG=/tmp/certrotor-demo-Ab3x/kubeconfig";
    assert_eq!(opening[1], format!("2027-01-15T08:00:00Z    {path}"));
}

#[test]
fn a_path_that_a_shell_would_split_is_quoted() {
    let mut places = picture().places;
    places.kubeconfig = "/tmp/it's here/kubeconfig".into();
    let commands = look::commands(&places, None);
    assert_eq!(commands[0].0, r"export KUBECONFIG='/tmp/it'\''s here/kubeconfig'");
}
