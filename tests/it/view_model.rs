//! Any sequence of hits against the counting rule in as few words as possible.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use jarshy::{
    config,
    model::{Channel, Verdict},
    views::{Hit, HitHeaders},
};
use proptest::prelude::*;

use crate::views::{BROWSER, Newsroom, agreed_sum, hit, settings};

#[derive(Clone, Debug)]
enum Act {
    Hit { article: usize, address: u8, agent: usize, private: bool, pixel: bool },
    Turn(u64),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let hit = (0..5usize, 0..3u8, 0..3usize, any::<bool>(), any::<bool>()).prop_map(
        |(article, address, agent, private, pixel)| Act::Hit {
            article,
            address,
            agent,
            private: private && address == 0,
            pixel,
        },
    );
    prop_oneof![20 => hit, 4 => (0..40u64).prop_map(Act::Turn), 1 => Just(Act::Restart)]
}

/// The counting rule in as few words as possible.
#[derive(Default)]
struct Model {
    now: u64,
    last: HashMap<(u8, usize, usize), u64>,
    counted: HashMap<usize, u64>,
}

impl Model {
    fn verdict(&mut self, article: usize, address: u8, agent: usize, private: bool) -> Verdict {
        if agent == 2 {
            return Verdict::Bot;
        }
        if article == 4 {
            return Verdict::Unknown;
        }
        let key = (address, agent, article);
        let repeat = self.last.get(&key).is_some_and(|last| self.now - last < 30);
        if !private && repeat {
            return Verdict::Repeat;
        }
        if !private {
            self.last.insert(key, self.now);
        }
        *self.counted.entry(article).or_default() += 1;
        Verdict::Counted
    }
}

const AGENTS: [&[u8]; 3] = [BROWSER, b"Opera/9.80 (Android)", b"curl/8.10.1"];

async fn play(acts: Vec<Act>, settings: config::Views) {
    let mut newsroom = Newsroom::with_articles(&settings, 4).await;
    let mut model = Model::default();
    let ids = ["a0", "a1", "a2", "a3", "a4"];
    for act in acts {
        match act {
            Act::Turn(seconds) => {
                newsroom.clock.turn(Duration::from_secs(seconds));
                model.now += seconds;
            }
            Act::Restart => {
                newsroom.restart(&settings).await;
                model.last.clear();
            }
            Act::Hit { article, address, agent, private, pixel } => {
                let plain = hit(ids[article], "192.0.2.1");
                let headers = HitHeaders {
                    user_agent: Some(AGENTS[agent]),
                    sec_gpc: private.then_some(b"1"),
                    ..plain.headers
                };
                let peer = IpAddr::from([192, 0, 2, address]);
                let channel = if pixel { Channel::Pixel } else { Channel::Script };
                let got = newsroom.views.hit(Hit { headers, peer, channel, ..plain }).await;
                assert_eq!(got, Ok(model.verdict(article, address, agent, private)));
            }
        }
    }
    newsroom.restart(&settings).await;
    for (number, id) in ids.iter().enumerate().take(4) {
        let counted = newsroom.views.count(id).unwrap().counted;
        assert_eq!(counted, model.counted.get(&number).copied().unwrap_or_default());
    }
    assert_eq!(agreed_sum(&newsroom, &ids).await, model.counted.values().sum::<u64>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_sequence_of_hits_is_counted_as_the_rule_says(
        acts in prop::collection::vec(act(), 0..100),
        fold in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let fold_every = if fold { Duration::ZERO } else { Duration::from_secs(3600) };
        runtime.block_on(play(acts, config::Views { fold_every, ..settings() }));
    }
}
