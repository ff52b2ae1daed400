//! The terminal: the picture is redrawn in place, and everything is as before at the end.

use std::io::{self, Stdout, Write as _};

use crossterm::cursor::{Hide, MoveTo, MoveToPreviousLine, Show};
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use crossterm::{ExecutableCommand as _, QueueableCommand as _};
use rustix::process;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Ability, Screen};

/// What a terminal is taken for that does not say its size.
const USUAL: (usize, usize) = (80, 24);

/// A terminal that shows a picture. Dropping it leaves the last picture and the cursor below it.
#[derive(Debug)]
pub(in crate::demo) struct Terminal {
    out: Stdout,
    ability: Ability,
    /// What is on it, and how large it was then.
    shown: Vec<String>,
    size: (usize, usize),
    /// How it treated what is typed.
    before: Option<Termios>,
    /// Ctrl-Z.
    pauses: Signal,
}

impl Terminal {
    /// Standard output, if it is a terminal that can be drawn on.
    pub(in crate::demo) fn open(ability: Ability) -> io::Result<Option<Self>> {
        let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        if dumb || !isatty(io::stdout()) {
            return Ok(None);
        }
        let pauses = signal(SignalKind::from_raw(process::Signal::TSTP.as_raw()))?;
        let (shown, size) = (Vec::new(), size());
        let mut terminal = Self { out: io::stdout(), ability, shown, size, before: None, pauses };
        terminal.enter()?;
        Ok(Some(terminal))
    }

    /// Waits until somebody presses Ctrl-Z.
    pub(in crate::demo) async fn asked_to_pause(&mut self) {
        self.pauses.recv().await;
    }

    /// Stops the process, with the terminal as it was before, until somebody lets it go on.
    pub(in crate::demo) fn pause(&mut self) -> io::Result<()> {
        self.leave();
        process::kill_process(process::getpid(), process::Signal::STOP)?;
        self.enter()
    }

    /// What can be drawn on now.
    pub(in crate::demo) fn screen(&self) -> Screen {
        let (width, height) = size();
        Screen { width, height, ability: self.ability }
    }

    /// Replaces what it shows, if that is anything new. The lines fit the screen that was asked for.
    pub(in crate::demo) fn show(&mut self, screen: &Screen, lines: Vec<String>) -> io::Result<()> {
        let size = (screen.width, screen.height);
        let resized = size != self.size;
        if lines == self.shown && !resized {
            return Ok(());
        }
        // Written at once, and shown at once by terminals that can: no flicker.
        let mut frame = Vec::new();
        frame.queue(BeginSynchronizedUpdate)?;
        if resized {
            // Who knows where the lines went.
            frame.queue(Clear(ClearType::All))?.queue(MoveTo(0, 0))?;
        } else if !self.shown.is_empty() {
            let up = u16::try_from(self.shown.len()).unwrap_or(u16::MAX);
            frame.queue(MoveToPreviousLine(up))?;
        }
        for line in &lines {
            // Before the text: behind a full line the cursor still stands on its last character.
            frame.queue(Clear(ClearType::UntilNewLine))?;
            frame.extend_from_slice(line.as_bytes());
            frame.extend_from_slice(b"\r\n");
        }
        frame.queue(Clear(ClearType::FromCursorDown))?.queue(EndSynchronizedUpdate)?;
        self.out.write_all(&frame)?;
        self.out.flush()?;
        (self.shown, self.size) = (lines, size);
        Ok(())
    }

    /// Begins below whatever is there. What is typed would scroll the picture away, so it is not
    /// shown; signals such as Ctrl-C go on working.
    fn enter(&mut self) -> io::Result<()> {
        self.shown.clear();
        self.out.execute(Hide)?;
        if let Ok(before) = tcgetattr(io::stdin())
            && in_foreground()
        {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
            self.before = Some(before);
        }
        Ok(())
    }

    fn leave(&mut self) {
        // Nobody is left to tell when the terminal is gone.
        self.out.execute(Show).ok();
        if let Some(before) = self.before.take().filter(|_| in_foreground()) {
            // Nor should the shell run what was typed at a picture.
            tcflush(io::stdin(), QueueSelector::IFlush).ok();
            tcsetattr(io::stdin(), OptionalActions::Now, &before).ok();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A job in the background that changes its terminal is stopped.
fn in_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == process::getpgrp())
}

fn size() -> (usize, usize) {
    let size = tcgetwinsize(io::stdout()).ok();
    let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    size.filter(|(width, height)| *width > 0 && *height > 0).unwrap_or(USUAL)
}
