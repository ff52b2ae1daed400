//! The status page in a real browser.

mod browser;
mod forwarded;
mod real;
mod showcase;

use std::path::Path;
use std::time::Duration;

use browser::{Browser, Looks, Tab};
use certrotor::core::fleet::RequestPhase;
use certrotor::core::sample::{self, at, fleet};
use showcase::{Served, databases, rules, showcase, thousand, view};

use crate::support::parts::{self, skipped};

const WIDE: Looks = Looks { width: 1280, height: 900, dark: false, script: true };
const PHONE: Looks = Looks { width: 390, height: 844, ..WIDE };
const NOBODY: [String; 0] = [];

/// Runs a test in a browser, or says why not.
macro_rules! browser {
    ($test:literal) => {
        match Browser::start().await {
            Ok(browser) => browser,
            Err(missing) => return skipped(concat!("page: ", $test), &missing.to_string()),
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_read_it_in_light_and_dark_on_a_desk_and_on_a_phone() {
    let served = Served::of(showcase()).await;
    let mut browser = browser!("everybody can read it");
    let axe = match parts::find("axe.min.js") {
        Ok(file) => std::fs::read_to_string(file).unwrap(),
        Err(missing) => return skipped("page: axe", &missing.to_string()),
    };
    parts::used("axe.min.js");
    let pages = [
        ("fleet", "/", 880),
        ("database", "/databases/search/index", 1_180),
        ("nothing", "/?q=nobody", 600),
        ("problem", "/?state=Wating", 600),
    ];
    for (name, path, height) in pages {
        for (looks, kind) in [(WIDE, ""), (PHONE, "-phone")] {
            for (dark, scheme) in [(false, ""), (true, "-dark")] {
                let height = if looks.width == WIDE.width { height } else { looks.height };
                let mut tab = browser.open(&served.at(path), Looks { height, dark, ..looks }).await;
                let name = format!("{name}{kind}{scheme}");
                keep(&mut tab, &name).await;
                fits(&mut tab, &name).await;
                assert_eq!(findings(&mut tab, &axe).await, NOBODY, "{name}");
                let complaints = tab.complaints().await;
                // The browser says of a page that is answered with 400 that it is.
                let expected = |told: &String| path.contains("Wating") && told.contains("400");
                let complaints: Vec<_> =
                    complaints.into_iter().filter(|it| !expected(it)).collect();
                assert_eq!(complaints, NOBODY, "{name}");
            }
        }
    }
    served.end().await;
}

/// Pictures for the documents, where somebody asks for new ones; all of them for who wants to look.
async fn keep(tab: &mut Tab<'_>, name: &str) {
    let kept = ["fleet", "fleet-dark", "database"];
    if let Some(folder) = std::env::var_os("CERTROTOR_PICTURES") {
        tab.picture(&Path::new(&folder).join(format!("{name}.png"))).await;
    }
    if std::env::var_os("CERTROTOR_UPDATE").is_some() && kept.contains(&name) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
        tab.picture(&folder.join(format!("{name}.png"))).await;
    }
}

/// Nothing is wider than the window.
async fn fits(tab: &mut Tab<'_>, name: &str) {
    let root = "document.documentElement";
    let wide = tab.eval(&format!("{root}.scrollWidth > {root}.clientWidth")).await;
    assert_eq!(wide, false, "{name} is wider than its window");
}

/// What axe-core finds serious or critical. Its text is brought by the debugger, past the page's policy.
async fn findings(tab: &mut Tab<'_>, axe: &str) -> Vec<String> {
    tab.eval(&format!("{axe};true")).await;
    let found = tab
        .eval(
            "axe.run().then((run) => run.violations.filter((it) => ['serious', 'critical']\
             .includes(it.impact)).map((it) => `${it.id}: ${it.nodes.map((n) => n.html).join(' ')}`))",
        )
        .await;
    found.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_what_is_decided_and_finds_what_is_looked_for() {
    let served = Served::of(showcase()).await;
    let mut browser = browser!("it finds what is looked for");
    let mut tab = browser.open(&served.at("/"), WIDE).await;
    let rows = "document.querySelectorAll('#rows tr').length";
    assert_eq!(tab.eval(rows).await, 13);
    let first = "document.querySelector('#rows tr').innerText";
    let stuck = tab.eval(first).await;
    assert!(stuck.as_str().unwrap().contains("Stuck"), "what needs somebody comes first: {stuck}");

    // Typed: the rows follow, the address too, and nothing is loaded anew.
    tab.eval("window.sameDocument = true").await;
    tab.types("/").await;
    tab.types("shop/").await;
    tab.until(&format!("{rows} === 4")).await;
    assert_eq!(tab.eval("location.search").await, "?q=shop%2F");
    assert_eq!(tab.eval("document.activeElement.name").await, "q", "the focus stays");
    assert_eq!(tab.eval("window.sameDocument").await, true);
    assert_eq!(tab.complaints().await, NOBODY);

    // A state's link, and a database's.
    let mut tab = browser.open(&served.at("/?state=Waiting"), WIDE).await;
    assert_eq!(tab.eval(rows).await, 3);
    tab.eval("document.querySelector('#rows a[href=\"/databases/search/index\"]').click()").await;
    tab.until("document.querySelector('h1')?.innerText === 'search/index'").await;
    let text = tab.eval("document.body.innerText").await;
    for says in ["2 of 3 servers present an older certificate", "WindowClosed", "30 gates are open"]
    {
        assert!(text.as_str().unwrap().contains(says), "{says}: {text}");
    }

    // Without a script it is a form as any other.
    let looks = Looks { script: false, ..WIDE };
    let mut tab = browser.open(&served.at("/"), looks).await;
    tab.eval("document.querySelector('[name=q]').value = 'blog'; document.forms[0].submit()").await;
    tab.until("location.search.includes('q=blog')").await;
    tab.until(&format!("{rows} === 1")).await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_follows_what_is_decided_without_being_loaded_anew() {
    let served = Served::of(showcase()).await;
    let mut browser = browser!("it follows");
    let mut tab = browser.open(&served.at("/"), WIDE).await;
    let state = |of: &str| format!("document.querySelector('#row-{of} .state').innerText");
    assert_eq!(tab.eval(&state("shop-orders")).await, "Rotating");
    tab.eval("window.sameDocument = true").await;
    tab.eval("document.querySelector('#row-web-blog a').focus()").await;
    tab.eval("document.querySelector('#legend').open = true").await;

    let rotated = databases().into_iter().map(|db| {
        if &*db.key.name != "orders" {
            return db;
        }
        db.with(|database| {
            let requests = database.requests.values_mut();
            requests.for_each(|request| request.phase = RequestPhase::Successful);
        })
    });
    served.show(view(fleet(rotated), rules()));
    tab.until(&format!("{} === 'Verifying'", state("shop-orders"))).await;
    let fresh = sample::Db::named("shop/orders").lives("-1d..+89d");
    let others = databases().into_iter().filter(|db| &*db.key.name != "orders");
    served.show(view(fleet(others.chain([fresh])), rules()));
    tab.until(&format!("{} === 'Fresh'", state("shop-orders"))).await;

    assert_eq!(tab.eval("window.sameDocument").await, true);
    assert_eq!(tab.eval("document.activeElement.innerText").await, "web/blog", "the focus stays");
    assert_eq!(tab.eval("document.querySelector('#legend').open").await, true);
    assert_eq!(tab.complaints().await, NOBODY);

    served.end().await;
    tab.until("!document.querySelector('#lost').hidden").await;
    assert_eq!(tab.eval(&state("shop-orders")).await, "Fresh", "what was known last stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_databases_do_not_make_it_stutter() {
    let served = Served::of(thousand()).await;
    let mut browser = browser!("a thousand databases");
    let mut tab = browser.open(&served.at("/?limit=1000"), WIDE).await;
    assert_eq!(tab.eval("document.querySelectorAll('#rows tr').length").await, 1_000);
    tab.eval(
        "window.longest = 0; new PerformanceObserver((list) => { for (const it of list.getEntries()) \
         window.longest = Math.max(window.longest, it.duration); }).observe({entryTypes: ['longtask']});",
    )
    .await;
    let mut changed = (*thousand().fleet).clone();
    for name in ["ns-00/db-000900", "ns-07/db-000907"] {
        changed.change(name, |database| database.halted = true);
    }
    changed.change("ns-01/db-000001", |database| database.created = at("-1d"));
    served.show(view(changed, rules()));
    tab.until("document.body.innerText.includes('Halted')").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let longest = tab.eval("window.longest").await;
    let longest = longest.as_f64().unwrap();
    // All at once are ten times what a page shows; this machine is busy with other tests too.
    assert!(longest < 1_500.0, "a thousand rows took {longest} ms to bring up to date");

    let mut tab = browser.open(&served.at("/"), WIDE).await;
    let navigation = "performance.getEntriesByType('navigation')[0]";
    let bytes = tab.eval(&format!("{navigation}.decodedBodySize")).await;
    assert!(bytes.as_f64().unwrap() < 300_000.0, "{bytes} bytes");
    assert_eq!(tab.complaints().await, NOBODY);
    served.end().await;
}

#[cfg(feature = "demo")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_the_demo_is_alive() {
    let mut browser = browser!("the demo");
    let demo = crate::asking::Demo::start("page-demo").await;
    let address = format!("http://127.0.0.1:{}/", demo.page);
    let mut tab = browser.open(&address, WIDE).await;
    assert_eq!(tab.eval("document.querySelectorAll('#rows tr').length").await, 3);
    let shown = tab.eval("document.querySelector('.clock').innerText").await;
    tab.eval("window.sameDocument = true").await;
    tab.until(&format!("document.querySelector('.clock').innerText !== {shown}")).await;
    assert_eq!(tab.eval("window.sameDocument").await, true);
    if let Some(folder) = std::env::var_os("CERTROTOR_PICTURES") {
        tab.picture(&Path::new(&folder).join("demo-page.png")).await;
    }
    assert_eq!(tab.complaints().await, NOBODY);
}
