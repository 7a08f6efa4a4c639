//! A listener with a screen before it, and a ledger behind it.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use super::{Camera, LiveStatus, News, Pace, Snapshot, Stage};
use crate::{
    base::Span,
    ledger::Store,
    pipeline::{Auditor, Judging, ListenError, Listener, Options, Status},
};

/// Listens until `stop` is set or every source is over, tells of it about once a second, and keeps what is booked in
/// `store`. `clock` gives the time since some moment. Fails where the system
/// gives no thread, or no file to keep captures in.
pub fn listen(
    listener: Listener,
    options: &Options,
    judging: &Judging,
    store: Option<Store>,
    stop: &AtomicBool,
    clock: &dyn Fn() -> Duration,
    tell: &mut dyn FnMut(News),
) -> Result<(), ListenError> {
    let mut auditor = Auditor::new(options);
    let mut camera = Camera::new(judging);
    camera.follow(&mut auditor);
    let mut pace = Pace::new(clock());
    let mut keeper = Keeper { store, trouble: None };
    let status = listener.run(&mut auditor, stop, None, |auditor, status| {
        keeper.keep(auditor, status);
        let now = clock();
        if pace.is_snapshot_due(now) {
            tell(picture(&mut camera, auditor, status, &mut keeper, stage(status)));
            pace.took(now, clock());
        }
    })?;
    auditor.end();
    keeper.keep(&mut auditor, &status);
    tell(picture(&mut camera, &auditor, &status, &mut keeper, Stage::Complete));
    Ok(())
}

fn stage(status: &Status) -> Stage {
    Stage::Live(LiveStatus {
        since: status.began.wall,
        now: status.now.wall,
        received: status.packets(),
        dropped: status.lost(),
    })
}

/// Everything since the listening began: out of the ledger where one is kept, for what is flushed is forgotten.
fn picture(camera: &mut Camera, auditor: &Auditor<'_>, status: &Status, keeper: &mut Keeper, stage: Stage) -> News {
    let mut snapshot = keeper
        .recalled(camera, auditor, status, stage)
        .unwrap_or_else(|| camera.take(auditor, &status.coverage(), stage));
    snapshot.audit.inputs = status.inputs();
    snapshot.audit.failed = status.failures();
    snapshot.audit.failed.extend(keeper.trouble.clone());
    snapshot.audit.notes.clone_from(&status.notes);
    News::Snapshot(Arc::new(snapshot))
}

/// Writes what is booked to the ledger, until that fails: the screen goes on without.
struct Keeper {
    store: Option<Store>,
    trouble: Option<String>,
}

impl Keeper {
    fn keep(&mut self, auditor: &mut Auditor<'_>, status: &Status) {
        let Some(store) = &mut self.store else { return };
        if let Err(error) = auditor.flush(store, &status.watched_by_source()) {
            self.trouble = Some(format!("no longer kept in the ledger, and what was is shown no more: {error}"));
            self.store = None;
        }
    }

    /// What the ledger has since the listening began; `None` where none is kept, or it cannot be read.
    fn recalled(
        &mut self,
        camera: &mut Camera,
        auditor: &Auditor<'_>,
        status: &Status,
        stage: Stage,
    ) -> Option<Snapshot> {
        // By the clocks of the sources, which may be behind or ahead of this one: all that was watched, and the minute
        // that is not over.
        let (first, last) = (status.watched.first()?, status.watched.last()?);
        let span = Span { first: first.span.first, end: last.span.end.plus(2) };
        match camera.recall(auditor, self.store.as_ref()?, span, stage) {
            Ok(snapshot) => Some(snapshot),
            Err(error) => {
                self.trouble = Some(format!("the ledger cannot be read: {error}"));
                None
            }
        }
    }
}
