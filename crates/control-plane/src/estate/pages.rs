//! Pages of lists. A page begins behind the place of the last item of the one before, whatever has become of that.

use crate::shapes::Position;

/// The items of a page, and where it ended if there are more. `items` are in the order of the list, by `place`.
pub(super) fn page<T>(
    items: Vec<T>,
    ascending: bool,
    after: Option<&Position>,
    most: usize,
    place: impl Fn(&T) -> Position,
) -> (Vec<T>, Option<Position>) {
    let mut items: Vec<_> = items.into_iter().map(|item| (place(&item), item)).collect();
    items.sort_by(|(a, _), (b, _)| if ascending { a.cmp(b) } else { b.cmp(a) });
    items.retain(|(at, _)| after.is_none_or(|after| if ascending { at > after } else { at < after }));
    let has_more = items.len() > most;
    items.truncate(most);
    let next = items.last().filter(|_| has_more).map(|(at, _)| at.clone());
    (items.into_iter().map(|(_, item)| item).collect(), next)
}

/// How many items a page has.
pub(super) fn size(wanted: Option<u32>, most: u32) -> usize {
    wanted.unwrap_or(most).clamp(1, most) as usize
}
