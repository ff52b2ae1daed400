//! How to read the lanes.

use maud::{Markup, html};

pub(super) fn legend() -> Markup {
    html! {
        details.legend id="legend" {
            summary { "How to read this" }
            ul {
                li { (sample(&html! { rect.fresh x="0" y="6" width="40" height="8" {} })) "the certificate that ends first, until it is due for rotation" }
                li { (sample(&html! { rect.due x="0" y="6" width="40" height="8" {} })) "due, but no emergency yet" }
                li { (sample(&html! { rect.emergency x="0" y="6" width="40" height="8" {} })) "emergency: windows and freezes yield, as the policy says" }
                li { (sample(&html! { rect.next-life x="0" y="8" width="40" height="4" {} })) "the certificate that comes next, as planned" }
                li { (sample(&html! { rect.opening x="4" y="12" width="8" height="4" {} rect.opening x="22" y="12" width="8" height="4" {} })) "rotation windows" }
                li { (sample(&html! { rect.frozen x="0" y="0" width="40" height="20" {} })) "a freeze" }
                li { (sample(&html! { path.planned d="M20 5.5 24.5 10 20 14.5 15.5 10Z" {} })) "a rotation, as planned" }
                li { (sample(&html! { path.good d="M16.8 10.2 19 12.6 23.6 7.4" {} })) "a rotation that succeeded" }
                li { (sample(&html! { path.bad d="M17 7 23 13M23 7 17 13" {} })) "an attempt that came to nothing" }
            }
            p { "Moments are in UTC. What has passed is paler. Each word is explained where you point at it, and on the page of a database." }
        }
    }
}

fn sample(drawn: &Markup) -> Markup {
    html! { svg.lane.sample width="40" height="20" aria-hidden="true" { (drawn) } }
}
