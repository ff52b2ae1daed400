//! The page of the daemon itself, on a real control plane, through a whole rotation.

use serde_json::json;

use super::browser::Browser;
use super::{NOBODY, WIDE};
use crate::actor::Wanted;
use crate::scenarios::stage::{OwnDaemon, Stage};
use crate::support::api::name;
use crate::support::lab::on_cluster;
use crate::support::parts::skipped;

#[test]
fn a_rotation_is_watched_in_the_browser() {
    on_cluster(async |lab| {
        let mut browser = match Browser::start().await {
            Ok(browser) => browser,
            Err(missing) => return skipped("page: a real rotation", &missing.to_string()),
        };
        let own = OwnDaemon::start(&lab, &json!({})).await;
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = database.request(1).await;

        let page = own.daemon.page_address().await;
        let mut tab = browser.open(&format!("http://{page}/"), WIDE).await;
        let state = format!("document.querySelector('#row-{}-db .state')?.innerText", lab.name);
        tab.until(&format!("{state} === 'Rotating'")).await;
        tab.eval("window.sameDocument = true").await;
        database.carry_out(&request).await;
        tab.until(&format!("{state} === 'Fresh'")).await;
        assert_eq!(tab.eval("window.sameDocument").await, true);
        assert_eq!(tab.complaints().await, NOBODY);

        let of_it = format!("http://{page}/databases/{}/db", lab.name);
        let mut tab = browser.open(&of_it, WIDE).await;
        let text = tab.eval("document.body.innerText").await;
        let text = text.as_str().expect("a page has text");
        for says in ["Fresh", "Is a rotation due?", "verified", name(&request)] {
            assert!(text.contains(says), "{says} is missing from\n{text}");
        }
        assert_eq!(tab.complaints().await, NOBODY);
    });
}
