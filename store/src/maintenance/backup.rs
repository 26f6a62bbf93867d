//! Copying the journal while a service may be writing to it.

use super::manifest::{self, Manifest, SegmentEntry};
use super::reached::Expected;
use super::{Progress, create_file, must_be_empty, must_be_store};
use crate::StoreError;
use crate::disk::{Disk, RealDisk, SECTOR, replace};
use crate::disk_store::{create, failed};
use crate::engine::marker::Marker;
use crate::journal::Reader;
use crate::journal::segment::{self, DIRECTORY, SegmentHeader};
use crate::journal::walk::Frame;
use openssl::sha::Sha256;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What a backup holds, or what was restored from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The last transaction in it.
    pub sequence: u64,
    /// The hash of the last frame: it stands for all that came before.
    pub hash: [u8; 32],
    /// Files of the journal.
    pub segments: u32,
    /// Bytes of the journal.
    pub bytes: u64,
}

impl From<&Manifest> for BackupReport {
    fn from(manifest: &Manifest) -> Self {
        Self {
            sequence: manifest.sequence,
            hash: manifest.hash,
            segments: u32::try_from(manifest.segments.len()).unwrap_or(u32::MAX),
            bytes: manifest.segments.iter().map(|entry| entry.bytes).sum(),
        }
    }
}

/// Copies the journal of the store in `directory` into the empty directory `to`. Each frame is
/// verified on its way; everything is synced, and the manifest is written last. The service may
/// run meanwhile: the copy ends with some transaction that was whole when it was read. A journal
/// that lacks what it is known to have held is damage, and no backup is made of it.
pub fn backup(
    directory: &Path,
    to: &Path,
    progress: Progress<'_>,
) -> Result<BackupReport, StoreError> {
    must_be_store(directory)?;
    must_be_empty(to)?;
    let target = to.join(DIRECTORY);
    create(&target)?;
    let source = RealDisk::new(directory);
    let mut expected = Expected::new(Marker::read(&source)?.reached);
    let mut reader = Reader::open(directory)?;
    let mut copy = Copy { directory: target, segments: Vec::new(), open: None };
    while reader.next_frame(&mut |frame| {
        expected.frame(frame);
        copy.frame(frame)
    })? {
        let (done, total) = reader.progress();
        progress(done, total);
    }
    copy.finish_segment()?;
    expected.must_be_met(&source, &reader)?;
    let manifest = Manifest {
        sequence: reader.sequence(),
        hash: reader.hash(),
        segments: std::mem::take(&mut copy.segments),
    };
    let disk = RealDisk::new(to);
    disk.sync_directory(DIRECTORY).map_err(|error| failed("cannot sync", to, &error))?;
    replace(&disk, "", manifest::NAME, manifest.format().as_bytes())?;
    let (_, total) = reader.progress();
    progress(total, total);
    Ok(BackupReport::from(&manifest))
}

struct Copy {
    directory: PathBuf,
    segments: Vec<SegmentEntry>,
    open: Option<OpenCopy>,
}

struct OpenCopy {
    number: u32,
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Copy {
    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), StoreError> {
        if self.open.as_ref().is_none_or(|open| open.number != frame.segment) {
            self.finish_segment()?;
            self.open = Some(OpenCopy::begin(&self.directory, &frame.header)?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let padding = frame.bytes.len().next_multiple_of(SECTOR as usize) - frame.bytes.len();
        open.add(frame.bytes)?;
        open.add(&[0; SECTOR as usize][..padding])
    }

    fn finish_segment(&mut self) -> Result<(), StoreError> {
        if let Some(open) = self.open.take() {
            self.segments.push(open.finish()?);
        }
        Ok(())
    }
}

impl OpenCopy {
    fn begin(directory: &Path, header: &SegmentHeader) -> Result<Self, StoreError> {
        let name = segment::name(header.number);
        let path = directory.join(name.rsplit('/').next().unwrap_or(&name));
        let file = create_file(&path)?;
        let (file, number) = (BufWriter::with_capacity(1 << 20, file), header.number);
        let mut copy = Self { number, path, file, hash: Sha256::new(), bytes: 0 };
        copy.add(&header.encode())?;
        Ok(copy)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| failed("cannot write", &self.path, &error))
    }

    fn finish(self) -> Result<SegmentEntry, StoreError> {
        let Self { number, path, file, hash, bytes } = self;
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .map_err(|error| failed("cannot write", &path, &error))?;
        Ok(SegmentEntry { number, bytes, sha256: hash.finish() })
    }
}
