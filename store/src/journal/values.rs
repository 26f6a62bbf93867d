//! Reading values in the journal through pointers, each verified by its checksum.

use super::segment;
use crate::StoreError;
use crate::disk::{Access, Disk, DiskFile, failed};
use crate::index::Pointer;
use parking_lot::Mutex;
use std::sync::Arc;

/// How many segments are kept open for reading: a bound on file descriptors.
const OPEN_SEGMENTS: usize = 16;

/// The segments, opened when they are needed.
#[derive(Debug)]
pub(crate) struct Values {
    disk: Arc<dyn Disk>,
    /// Most recently used last.
    open: Mutex<Vec<(u32, Arc<dyn DiskFile>)>>,
}

impl Values {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, open: Mutex::new(Vec::new()) }
    }

    /// The value that a pointer stands for.
    pub(crate) fn read(&self, pointer: &Pointer) -> Result<Vec<u8>, StoreError> {
        let file = self.file(pointer.segment)?;
        let mut value = vec![0; pointer.length as usize];
        let read = file.read_at(&mut value, u64::from(pointer.offset)).map_err(|error| {
            failed("cannot read", &*self.disk, &segment::name(pointer.segment), &error)
        })?;
        if read != value.len() || crc32c::crc32c(&value) != pointer.crc {
            let path = self.disk.place(&segment::name(pointer.segment));
            return Err(StoreError::Damaged {
                place: format!("{}, offset {}", path.display(), pointer.offset),
                what: "a value whose checksum does not fit".to_owned(),
            });
        }
        Ok(value)
    }

    fn file(&self, number: u32) -> Result<Arc<dyn DiskFile>, StoreError> {
        let mut open = self.open.lock();
        if let Some(place) = open.iter().rposition(|(other, _)| *other == number) {
            let last = open.len() - 1;
            open.swap(place, last);
            return Ok(Arc::clone(&open[last].1));
        }
        let name = segment::name(number);
        let file = self.disk.open(&name, Access::Read);
        let file = file.map_err(|error| failed("cannot open", &*self.disk, &name, &error))?;
        if open.len() == OPEN_SEGMENTS {
            open.remove(0);
        }
        open.push((number, Arc::clone(&file)));
        Ok(file)
    }
}
