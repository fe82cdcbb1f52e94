//! An ordered map whose copies share what they have in common.
//!
//! Snapshots of 100,000 mailboxes follow one another with every change, so a copy must cost little, and a changed copy
//! must share all but the changed part. Entries stand sorted in chunks of about a hundred behind `Arc`; a change copies
//! its chunk and the list of chunks: some 20 KB at that size, where a tree of one entry per node would need a crate
//! of its own and gives no cheaper order. Reads are two binary searches.

use std::borrow::Borrow;
use std::sync::Arc;

const CHUNK: usize = 128;

type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// A sorted map with cheap copies.
#[derive(Clone, Debug)]
pub(crate) struct SharedMap<K, V> {
    /// Never empty chunks in order, each sorted.
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> SharedMap<K, V> {
        SharedMap { chunks: Arc::default(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.get(self.place(key))?;
        let index = find(chunk, key).ok()?;
        chunk.get(index).map(|(_, value)| value)
    }

    /// All entries in the order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter().map(|(key, value)| (key, value)))
    }

    /// Adds or replaces; returns what was there before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.place(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(place) else {
            chunks.push(Arc::new(vec![(key, value)]));
            self.len += 1;
            return None;
        };
        let entries = Arc::make_mut(chunk);
        match find(entries, &key) {
            Ok(index) => entries.get_mut(index).map(|(_, old)| std::mem::replace(old, value)),
            Err(index) => {
                entries.insert(index, (key, value));
                if entries.len() > 2 * CHUNK {
                    let upper = Arc::new(entries.split_off(CHUNK));
                    chunks.insert(place + 1, upper);
                }
                self.len += 1;
                None
            }
        }
    }

    /// Removes; returns what was there.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        let index = find(self.chunks.get(place)?, key).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let entries = Arc::make_mut(chunks.get_mut(place)?);
        let (_, value) = entries.remove(index);
        if entries.is_empty() {
            chunks.remove(place);
        }
        self.len -= 1;
        Some(value)
    }

    /// The chunk that has the key or would take it; 0 while there is none.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let begins = |chunk: &Chunk<K, V>| chunk.first().is_some_and(|(first, _)| first.borrow() <= key);
        self.chunks.partition_point(begins).saturating_sub(1)
    }
}

fn find<K: Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], key: &Q) -> Result<usize, usize> {
    entries.binary_search_by(|(other, _)| other.borrow().cmp(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A cheap sequence without a pattern that the map could like.
    fn scattered(count: u32) -> impl Iterator<Item = u32> {
        (0..count).map(|n| n.wrapping_mul(2_654_435_761) % 5_000)
    }

    #[test]
    fn does_what_a_tree_does() {
        let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
        for (step, key) in scattered(20_000).enumerate() {
            if step % 3 == 2 {
                assert_eq!(map.remove(&key), model.remove(&key));
            } else {
                assert_eq!(map.insert(key, step), model.insert(key, step));
            }
            assert_eq!(map.len(), model.len());
        }
        assert!(map.iter().eq(model.iter()));
        assert!((0..5_001).all(|key| map.get(&key) == model.get(&key)));
        for key in 0..5_000 {
            map.remove(&key);
        }
        assert_eq!((map.len(), map.iter().count(), map.chunks.len()), (0, 0, 0));
    }

    #[test]
    fn copies_share_what_did_not_change() {
        let mut first = SharedMap::default();
        for key in 0..100_000 {
            first.insert(key, ());
        }
        let mut second = first.clone();
        second.remove(&50_000);
        second.insert(200_000, ());
        assert_eq!((first.len(), second.len()), (100_000, 100_000));
        assert!(first.get(&50_000).is_some() && first.get(&200_000).is_none());
        let own =
            second.chunks.iter().filter(|chunk| !first.chunks.iter().any(|other| Arc::ptr_eq(chunk, other)));
        assert_eq!(own.count(), 2, "only the two chunks that changed are copies");
    }
}
