//! Counting what was seen, alike for the ledger and for the capture, so that both come with the same truth.

use super::{
    hosts::{HostId, SUBJECTS, subjects},
    life::Life,
    run::Way,
    truth::{HostTruth, NightTruth, Truth},
};
use crate::base::{Bytes, Minute};

/// Payload seen, by host and by night and subject.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    hosts: Vec<[u64; 2]>,
    nights: Vec<[[u64; 2]; SUBJECTS]>,
}

impl Tally {
    pub(super) fn of(life: &Life) -> Self {
        let hosts = vec![[0; 2]; life.hosts.ids().count()];
        Self { hosts, nights: vec![[[0; 2]; SUBJECTS]; life.scenario.nights as usize] }
    }

    /// Counts `bytes` of payload that moved between the phone and `host` in `minute`.
    pub(super) fn count(&mut self, life: &Life, host: HostId, minute: Minute, way: Way, bytes: u64) {
        let way = usize::from(way == Way::Down);
        self.hosts[host.0 as usize][way] += bytes;
        let last = self.nights.len() - 1;
        let night = (life.calendar.night_of(minute) as usize).min(last);
        self.nights[night][life.hosts.get(host).party.subject()][way] += bytes;
    }

    /// The answer sheet.
    pub(super) fn truth(self, life: &Life) -> Truth {
        let subjects = subjects(life.scenario.app);
        let sum = |way: usize| Bytes(self.hosts.iter().map(|moved| moved[way]).sum());
        let (up, down) = (sum(0), sum(1));
        let rows = life.hosts.ids().zip(&self.hosts).filter(|(_, moved)| **moved != [0, 0]);
        let hosts = rows
            .map(|(id, [up, down])| {
                let host = life.hosts.get(id);
                HostTruth {
                    host: host.name.clone().unwrap_or_else(|| host.addr.to_string()),
                    subject: subjects[host.party.subject()].id.clone(),
                    role: host.party.role(),
                    up: Bytes(*up),
                    down: Bytes(*down),
                }
            })
            .collect();
        let nights = (0_u32..).zip(&self.nights).map(|(n, seen)| NightTruth {
            date: life.calendar.date(n).to_string(),
            exported: life.exports.iter().filter(|e| e.night == n as usize).map(|e| e.bytes).sum(),
            seen: seen.iter().zip(&subjects).map(|([up, down], s)| (s.id.clone(), Bytes(*up), Bytes(*down))).collect(),
        });
        Truth {
            scenario: [life.scenario.id.as_str(), life.scenario.name.as_str()].join(" ").trim().to_owned(),
            seed: life.seed,
            up,
            down,
            exports: life.exports.clone(),
            hosts,
            nights: nights.collect(),
        }
    }
}
