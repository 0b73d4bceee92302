//! The Merkle tree of RFC 6962 and 9162, kept as tiles: a leaf's hash is SHA-256 of `0x00` and its bytes, a node's of `0x01` and
//! its two children, and a node without a neighbour rises as it is.
//!
//! A tile holds up to 256 neighbouring hashes of one level. What a tile comes to is one hash of a tile eight levels above;
//! so a proof among 16 million leaves is read from three tiles, and nothing in between is stored.

use crate::platform::jwt::sha256;

/// SHA-256.
pub type Hash = [u8; 32];
/// Hashes of a full tile.
pub const WIDTH: usize = 256;
/// Levels from a tile to the one above.
pub const HEIGHT: i16 = 8;

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut bytes = Vec::with_capacity(leaf.len().saturating_add(1));
    bytes.push(0);
    bytes.extend_from_slice(leaf);
    sha256(&bytes)
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    let (to_left, to_right) = bytes.split_at_mut(1).1.split_at_mut(32);
    to_left.copy_from_slice(left);
    to_right.copy_from_slice(right);
    sha256(&bytes)
}

/// The level above.
fn above(hashes: &[Hash]) -> Vec<Hash> {
    let pairs = hashes.chunks(2).filter_map(|pair| match pair {
        [left, right] => Some(node_hash(left, right)),
        [alone] => Some(*alone),
        _ => None,
    });
    pairs.collect()
}

/// What hashes beside each other come to; nothing comes to nothing.
#[must_use]
pub fn root(hashes: &[Hash]) -> Option<Hash> {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = above(&level);
    }
    level.first().copied()
}

/// Hashes beside each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Levels above the leaves.
    pub level: i16,
    /// Its place in its level.
    pub number: i64,
    /// 256, or fewer in the last tile of a level.
    pub hashes: Vec<Hash>,
}

/// Makes tiles from hashes as they come. It holds one unfinished tile a level, and what was not taken yet.
#[derive(Debug)]
pub struct Tiles {
    from: i16,
    levels: Vec<Level>,
    finished: Vec<Tile>,
}

#[derive(Debug, Default)]
struct Level {
    finished: i64,
    open: Vec<Hash>,
}

impl Tiles {
    /// Of a level and those above it.
    #[must_use]
    pub fn from(level: i16) -> Self {
        Self { from: level, levels: Vec::new(), finished: Vec::new() }
    }

    /// Adds the next hash of the lowest level.
    pub fn push(&mut self, hash: Hash) {
        self.push_at(0, hash);
    }

    fn push_at(&mut self, depth: usize, hash: Hash) {
        if self.levels.len() <= depth {
            self.levels.resize_with(depth.saturating_add(1), Level::default);
        }
        let Some(level) = self.levels.get_mut(depth) else { return };
        level.open.push(hash);
        if level.open.len() == WIDTH {
            self.close(depth);
        }
    }

    /// Finishes a level's open tile, and hands on what it comes to.
    fn close(&mut self, depth: usize) {
        let Some(level) = self.levels.get_mut(depth) else { return };
        let hashes = std::mem::take(&mut level.open);
        let Some(root) = root(&hashes) else { return };
        let number = level.finished;
        level.finished = number.saturating_add(1);
        let up = i16::try_from(depth).unwrap_or(i16::MAX).saturating_mul(HEIGHT);
        self.finished.push(Tile { level: self.from.saturating_add(up), number, hashes });
        self.push_at(depth.saturating_add(1), root);
    }

    /// The tiles that were finished since they were last taken.
    pub fn take(&mut self) -> Vec<Tile> {
        std::mem::take(&mut self.finished)
    }

    /// What all comes to, and the tiles that were not taken. A single hash needs no tile: it is the root.
    #[must_use]
    pub fn finish(mut self) -> (Option<Hash>, Vec<Tile>) {
        let mut depth = 0;
        loop {
            let Some(level) = self.levels.get(depth) else { return (None, self.finished) };
            if level.finished == 0 && level.open.len() <= 1 {
                return (level.open.first().copied(), self.finished);
            }
            self.close(depth);
            depth = depth.saturating_add(1);
        }
    }
}

/// What must be hashed with a leaf, in this order, to come to the root: read from the tiles above it, the lowest first.
#[must_use]
pub fn path(tiles: &[Vec<Hash>], index: u64) -> Option<Vec<Hash>> {
    let (mut path, mut number) = (Vec::new(), usize::try_from(index).ok()?);
    for tile in tiles {
        let (mut level, mut at) = (tile.clone(), number % WIDTH);
        level.get(at)?;
        while level.len() > 1 {
            path.extend(level.get(at ^ 1));
            level = above(&level);
            at /= 2;
        }
        number /= WIDTH;
    }
    Some(path)
}

/// What a leaf comes to by a path (RFC 9162, 2.1.3.2); nothing if no tree of that size has such a path.
#[must_use]
pub fn root_by(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (mut place, mut last) = (index, size.checked_sub(1).filter(|last| index <= *last)?);
    let mut hash = leaf;
    for other in path {
        if last == 0 {
            return None;
        }
        if place % 2 == 1 || place == last {
            hash = node_hash(other, &hash);
            while place % 2 == 0 && place != 0 {
                (place, last) = (place / 2, last / 2);
            }
        } else {
            hash = node_hash(&hash, other);
        }
        (place, last) = (place / 2, last / 2);
    }
    (last == 0).then_some(hash)
}

/// Hashes as a tile's row keeps them; nothing if they are not whole.
#[must_use]
pub fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (whole, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| whole.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::jwt::hex;

    /// The definition of RFC 6962, 2.1, as it stands there.
    fn defined(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [leaf] => leaf_hash(leaf),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&defined(left), &defined(right))
            }
        }
    }

    /// The definition of a path, RFC 6962, 2.1.1.
    fn defined_path(leaves: &[Vec<u8>], at: usize) -> Vec<Hash> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, other) = if at < left.len() {
            (defined_path(left, at), right)
        } else {
            (defined_path(right, at - left.len()), left)
        };
        path.push(defined(other));
        path
    }

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| format!("leaf {n}").into_bytes()).collect()
    }

    /// All tiles of a tree, level by level, and its root.
    fn tiles(hashes: impl IntoIterator<Item = Hash>) -> (Option<Hash>, Vec<Tile>) {
        let (mut tiles, mut all) = (Tiles::from(0), Vec::new());
        for hash in hashes {
            tiles.push(hash);
            all.extend(tiles.take());
        }
        let (root, rest) = tiles.finish();
        all.extend(rest);
        (root, all)
    }

    /// The tiles above a leaf.
    fn above_leaf(all: &[Tile], index: usize) -> Vec<Vec<Hash>> {
        let mut above = Vec::new();
        let (mut level, mut number) = (0, index / WIDTH);
        while let Some(tile) =
            all.iter().find(|tile| tile.level == level && usize::try_from(tile.number).unwrap() == number)
        {
            above.push(tile.hashes.clone());
            (level, number) = (level + HEIGHT, number / WIDTH);
        }
        above
    }

    #[test]
    fn the_vectors_of_certificate_transparency() {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let hashed: Vec<_> = inputs.iter().map(|input| leaf_hash(input)).collect();
        for (n, expected) in roots.iter().enumerate() {
            assert_eq!(hex(&root(&hashed[..=n]).unwrap()), *expected, "of {}", n + 1);
        }
        assert_eq!(root(&[]), None);
    }

    #[test]
    fn a_tree_is_as_the_rfc_defines_it_and_each_leaf_is_proven() {
        for size in 0..=300 {
            let leaves = leaves(size);
            let hashed: Vec<_> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
            let (root, all) = tiles(hashed.iter().copied());
            if size == 0 {
                assert_eq!((root, all.len()), (None, 0));
                continue;
            }
            let root = root.unwrap();
            assert_eq!(root, defined(&leaves), "of {size}");
            assert_eq!(super::root(&hashed), Some(root));
            // The definition costs a tree each time: of the larger ones those where the two tiles of 300 meet.
            for at in (0..size).filter(|at| size < 40 || size % 37 == 0 || (250..260).contains(at)) {
                let path = path(&above_leaf(&all, at), u64::try_from(at).unwrap()).unwrap();
                assert_eq!(path, defined_path(&leaves, at), "{at} of {size}");
                let (at, size) = (u64::try_from(at).unwrap(), u64::try_from(size).unwrap());
                assert_eq!(root_by(hashed[usize::try_from(at).unwrap()], at, size, &path), Some(root));
                assert_ne!(root_by(leaf_hash(b"another"), at, size, &path), Some(root));
            }
        }
    }

    #[test]
    fn three_levels_of_tiles_are_one_tree() {
        // Hashes stand for themselves here: what counts is how they are put together.
        let leaf = |n: u64| leaf_hash(&n.to_be_bytes());
        for size in [65_535_u64, 65_536, 65_537, 66_049, 131_073] {
            let (root, all) = tiles((0..size).map(leaf));
            let hashed: Vec<_> = (0..size).map(leaf).collect();
            assert_eq!(root, super::root(&hashed), "of {size}");
            for at in [0, 255, 256, 65_535, 65_536, 66_048, size / 2, size - 1].into_iter().filter(|at| *at < size) {
                let path = path(&above_leaf(&all, usize::try_from(at).unwrap()), at).unwrap();
                assert_eq!(root_by(leaf(at), at, size, &path), root, "{at} of {size}");
            }
        }
    }

    #[test]
    fn a_proof_of_anything_else_comes_to_another_root_or_to_none() {
        let hashed: Vec<_> = leaves(11).iter().map(|leaf| leaf_hash(leaf)).collect();
        let (root, all) = tiles(hashed.iter().copied());
        let good = path(&above_leaf(&all, 9), 9).unwrap();
        assert_eq!(root_by(hashed[9], 9, 11, &good), root);
        for index in (0..14).filter(|index| *index != 9) {
            assert_ne!(root_by(hashed[9], index, 11, &good), root, "at {index}");
        }
        for shorter in 0..good.len() {
            assert_ne!(root_by(hashed[9], 9, 11, &good[..shorter]), root);
        }
        assert_eq!(root_by(hashed[9], 9, 11, &[good.clone(), vec![hashed[0]]].concat()), None);
        for n in 0..good.len() {
            let mut other = good.clone();
            other[n][31] ^= 1;
            assert_ne!(root_by(hashed[9], 9, 11, &other), root);
        }
        assert_eq!((root_by(hashed[0], 0, 0, &[]), path(&above_leaf(&all, 9), 11)), (None, None));
    }

    #[test]
    fn a_row_holds_whole_hashes() {
        assert_eq!(hashes(&[7; 64]), Some(vec![[7; 32]; 2]));
        assert_eq!(hashes(&[7; 63]), None);
    }
}
