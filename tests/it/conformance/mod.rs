//! One suite for two API servers: the embedded one and a real kube-apiserver.
//!
//! A case is one function from a [`Target`]; [`cases!`] makes two tests of it, so that none can be
//! forgotten on one of them. Each case names what it rests on: the Kubernetes API conventions
//! (`contributors/devel/sig-architecture/api-conventions.md`) or the page "API concepts" of the
//! reference. [`sequences`] goes further and compares the two word by word.
//!
//! [`Target`]: target::Target

/// Makes two tests of each case: `embedded::<case>` and `real::<case>`.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[test]
                fn $case() {
                    crate::conformance::target::on_embedded(super::$case);
                }
            )+
        }
        mod real {
            $(
                #[test]
                fn $case() {
                    crate::conformance::target::on_real(super::$case);
                }
            )+
        }
    };
}

mod apply;
mod deleting;
mod eviction;
mod garbage;
mod kinds;
mod lists;
mod namespaces;
mod patches;
mod schemas;
mod sequences;
mod target;
mod watches;
mod writes;
