//! Tags.

use super::*;

fn add(world: &World, id: &str, tags: Vec<Tag>) -> Result<TagResourceOutput, ApiError> {
    world.estate.tag_resource(&ann(), TagResourceInput { resource_id: id.parse().unwrap(), tag_list: tags })
}

fn list(world: &World, id: &str, max_results: Option<u32>) -> Vec<Tag> {
    let (mut tags, mut next_token) = (Vec::new(), None);
    loop {
        let input = ListTagsInput { resource_id: id.parse().unwrap(), next_token, max_results };
        let output = world.estate.list_tags(&ann(), input).unwrap();
        assert!(output.tag_list.len() <= max_results.unwrap_or(100) as usize);
        tags.extend(output.tag_list);
        next_token = output.next_token;
        if next_token.is_none() {
            return tags;
        }
    }
}

#[test]
fn clusters_and_backups_have_tags_by_key() {
    let world = World::new();
    let input = CreateClusterInput { tag_list: Some(vec![tag("b", "1"), tag("a", "2")]), ..create_input() };
    let cluster = world.estate.create_cluster(&ann(), input).unwrap().cluster;
    assert_eq!(cluster.tag_list, [tag("a", "2"), tag("b", "1")]);
    let active = world.active(&ann());
    let backup = world.backups(&ann())[0].backup_id.clone();
    for id in [cluster.cluster_id.as_str(), active.as_str(), backup.as_str()] {
        add(&world, id, vec![tag("b", "new"), tag("c", "")]).unwrap();
        let tags = list(&world, id, Some(1));
        assert_eq!(tags, list(&world, id, None));
        assert!(tags.contains(&tag("b", "new")) && tags.contains(&tag("c", "")));
        let tag_key_list = ["c", "nothing"].map(|key| key.parse().unwrap()).to_vec();
        let input = UntagResourceInput { resource_id: id.parse().unwrap(), tag_key_list };
        world.estate.untag_resource(&ann(), input.clone()).unwrap();
        world.estate.untag_resource(&ann(), input).unwrap();
        assert!(!list(&world, id, None).contains(&tag("c", "")));
    }
    assert_eq!(world.cluster(&ann(), &cluster.cluster_id).tag_list, [tag("a", "2"), tag("b", "new")]);
    assert_eq!(world.backups(&ann())[0].tag_list, [tag("b", "new")]);
}

#[test]
fn there_are_fifty_tags_and_none_twice() {
    let world = World::new();
    let id = world.create(&ann()).cluster_id;
    let many = |count: usize| (0..count).map(|at| tag(&format!("key{at:02}"), "v")).collect::<Vec<_>>();
    add(&world, id.as_str(), many(50)).unwrap();
    add(&world, id.as_str(), many(3)).unwrap();
    refused(
        add(&world, id.as_str(), vec![tag("one more", "v")]),
        ErrorKind::ResourceLimitExceeded,
        "50 is the most",
    );
    refused(add(&world, id.as_str(), vec![tag("a", "1"), tag("a", "2")]), ErrorKind::Tag, "twice");
    refused(add(&world, id.as_str(), vec![tag("aws:a", "1")]), ErrorKind::Tag, "aws:");
    assert_eq!(list(&world, id.as_str(), Some(7)), many(50));
    let input = CreateClusterInput { tag_list: Some(vec![tag("AWS:a", "1")]), ..create_input() };
    refused(world.estate.create_cluster(&ann(), input), ErrorKind::Tag, "aws:");
}
