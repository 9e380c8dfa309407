//! The least that keeps hits: frames appended to a file, one fdatasync for each group, then the answers.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use tokio::sync::oneshot;

/// A hit that waits: its frame and who waits for it.
type Waiting = (Vec<u8>, oneshot::Sender<bool>);

#[derive(Default)]
struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    came: Condvar,
}

/// A file with a thread that writes it.
pub struct LogFile {
    queue: Arc<Queue>,
}

impl LogFile {
    /// Opens the file and starts its thread.
    pub fn start(path: &Path) -> anyhow::Result<LogFile> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let queue = Arc::<Queue>::default();
        let taken = queue.clone();
        thread::Builder::new().name("log".into()).spawn(move || write_groups(file, &taken))?;
        Ok(LogFile { queue })
    }

    /// True once the hit is on disk.
    pub fn keep(&self, hit: &[u8]) -> oneshot::Receiver<bool> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((hit.to_vec(), answer));
        let first = waiting.len() == 1;
        drop(waiting);
        if first {
            self.queue.came.notify_one();
        }
        answered
    }
}

fn write_groups(mut file: File, queue: &Queue) {
    let (mut group, mut frame) = (Vec::new(), Vec::new());
    loop {
        let waiting = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = queue.came.wait_while(waiting, |waiting| waiting.is_empty());
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut group, &mut *waiting);
        drop(waiting);
        let kept = write_group(&mut file, &group, &mut frame).is_ok();
        for (_, answer) in group.drain(..) {
            // Whoever asked may have gone away.
            let _ = answer.send(kept);
        }
    }
}

/// A frame is length, checksum, hits: what a reader needs to find where a torn one begins.
fn write_group(file: &mut File, group: &[Waiting], frame: &mut Vec<u8>) -> std::io::Result<()> {
    frame.clear();
    frame.extend([0; 8]);
    for (hit, _) in group {
        frame.push(u8::try_from(hit.len()).unwrap_or(u8::MAX));
        frame.extend(&hit[..hit.len().min(usize::from(u8::MAX))]);
    }
    let mut crc = flate2::Crc::new();
    crc.update(&frame[8..]);
    let length = u32::try_from(frame.len() - 8).unwrap_or(u32::MAX);
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame[4..8].copy_from_slice(&crc.sum().to_le_bytes());
    file.write_all(frame)?;
    file.sync_data()
}
