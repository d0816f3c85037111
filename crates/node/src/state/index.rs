//! Indexes over objects, so that a search costs the same among ten objects and ten thousand.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use strongroom_model::{AttributeType, Attributes, Handle, Value};

/// The attributes that clients search by.
const INDEXED: [AttributeType; 4] =
    [AttributeType::LABEL, AttributeType::ID, AttributeType::KEY_TYPE, AttributeType::CLASS];

/// Which objects have a value.
#[derive(Debug, Default)]
pub(crate) struct Index {
    all: BTreeSet<Handle>,
    by_value: HashMap<(AttributeType, Value), BTreeSet<Handle>>,
}

impl Index {
    pub(crate) fn insert(&mut self, handle: Handle, attributes: &Attributes) {
        self.all.insert(handle);
        for attribute in INDEXED {
            if let Some(value) = attributes.get(attribute) {
                self.by_value.entry((attribute, value.clone())).or_default().insert(handle);
            }
        }
    }

    pub(crate) fn remove(&mut self, handle: Handle, attributes: &Attributes) {
        self.all.remove(&handle);
        for attribute in INDEXED {
            let Some(value) = attributes.get(attribute) else { continue };
            let key = (attribute, value.clone());
            if let Some(handles) = self.by_value.get_mut(&key) {
                handles.remove(&handle);
                if handles.is_empty() {
                    self.by_value.remove(&key);
                }
            }
        }
    }

    /// How many objects have a value of an attribute, if it's indexed.
    pub(crate) fn count(&self, attribute: AttributeType, value: impl Into<Value>) -> usize {
        self.by_value.get(&(attribute, value.into())).map_or(0, BTreeSet::len)
    }

    /// Handles behind `after` of objects that may match, ascending.
    pub(crate) fn candidates(
        &self,
        template: &Attributes,
        after: Option<Handle>,
    ) -> Box<dyn Iterator<Item = Handle> + '_> {
        let mut best = &self.all;
        for attribute in INDEXED {
            let Some(value) = template.get(attribute) else { continue };
            match self.by_value.get(&(attribute, value.clone())) {
                None => return Box::new(std::iter::empty()),
                Some(handles) if handles.len() < best.len() => best = handles,
                Some(_) => {}
            }
        }
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        Box::new(best.range((start, Bound::Unbounded)).copied())
    }
}
