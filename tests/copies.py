"""Write small copies of data sets of photos, in their usual layouts."""

import json


def write_photos(folder, names):
    """Write files that stand for photos. The readers do not open them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not opened by the reader")


def write_text(path, text, encoding="utf-8"):
    """Write a text or bytes, without any change of line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))


def write_karpathy(path, split_of, change=None):
    """Write a split file of Karpathy.

    Args:
        path: the file.
        split_of: {name of a photo: its split in the file}.
        change: a function that changes the list of images.
    """
    images = [
        {
            "filename": name,
            "filepath": "val2014",
            "imgid": k,
            "split": split,
            "sentences": [{"tokens": ["a", "dog"], "raw": f"A dog, {name}, {n}.", "sentid": n} for n in range(5)],
        }
        for k, (name, split) in enumerate(split_of.items())
    ]
    if change:
        change(images)
    write_text(path, json.dumps({"images": images, "dataset": "small"}))


def write_coco(path, names, change=None):
    """Write a caption file of COCO, with two captions an image. change: a function that changes the data."""
    images = [{"license": 1, "file_name": name, "id": 100 + k} for k, name in enumerate(names)]
    annotations = [
        {"image_id": image["id"], "id": n, "caption": f"A dog {n} of {image['file_name']}"}
        for n in range(2)
        for image in images
    ]
    data = {"info": {}, "images": images, "annotations": annotations}
    if change:
        change(data)
    write_text(path, json.dumps(data))


def names_of(dataset):
    """Return the image names of each split of a Dataset."""
    return {split: [image.name for image in images] for split, images in dataset.splits.items()}
