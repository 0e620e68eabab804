"""Images with a text file of captions each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, UserError
from ganzoo_datasets.image_files import ImageFiles
from ganzoo_words.caption_file_options import CaptionFilesConfig, part_of


@final
class CaptionFiles(Dataset):
    """An example for each caption: an image with ten captions is ten examples.

    Images without a text file are left out. Raises :class:`UserError` where nothing is left.
    """

    def __init__(self, config: CaptionFilesConfig, root: Path):
        folder, content = config.folder(root), config.content(root)
        names = list(dict.fromkeys(content.images))
        divided = {"train", "test"} <= {part_of(name) for name in names}
        used = [name for place, name in enumerate(names) if config.is_used(place, name, divided)]
        self._images = ImageFiles(config, folder)
        if not used:
            raise UserError(f"{folder} has no image with a caption for {config.split}: choose another --dataset-split")
        valid = self._images.checked([folder / name for name in used])
        kept = {name for name in used if folder / name in valid}
        rows = [row for row, name in enumerate(content.images) if name in kept]
        self._words = content.words
        self._paths = [folder / content.images[row] for row in rows]
        self._captions = torch.frombuffer(content.tokens, dtype=torch.int64).view(-1, content.length)[rows]
        what = (
            "those of the folder" if divided else "without folders called train and test, every tenth is for the test"
        )
        self._notes = (f"{len(kept):,} images with {len(rows):,} captions for {config.split}: {what}", *content.notes)

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, height, width) uint8 and ``caption`` (B, L) int64."""
        images = self._images.read([self._paths[index] for index in indices.tolist()])
        return {"image": images, "caption": self._captions[indices]}

    def notes(self) -> Sequence[str]:
        """Return how many images and captions are used, and what became of pixels."""
        return [*self._notes, *self._images.notes]

    def identities(self) -> Iterator[bytes]:
        """Yield the name, the size and the end of every image, and its caption."""
        for file, tokens in zip(self._images.identities(self._paths), self._captions.tolist(), strict=True):
            yield file + b"/" + " ".join(self._words[token] for token in tokens if token).encode()
