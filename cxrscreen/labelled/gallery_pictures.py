"""The pictures of an evaluation report: radiographs under their activation maps."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.heads import AnyHead
from cxrscreen.classifier.recipe import Recipe
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.gallery import GalleryPicture, choose, predicted
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.labelled.labelled_set import LabelledRadiograph
from cxrscreen.labelled.scoring import explained
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.prepare import to_reading_resolution
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.reporting.overlay import blend_overlay, draw_outline
from cxrscreen.reporting.study_page import has_evidence
from cxrscreen.reporting.writer import encode_colour, encode_grey
from cxrscreen.types import Progress

_GALLERY_SIDE = 512  # pixels of the longer side
_ALPHA = 0.5


def gallery_of(  # noqa: PLR0913  # the pictures come from the folder, the maps from the model
    folder: Path,
    evaluation: Evaluation,
    sighted: Sighted,
    head: AnyHead,
    base: BaseWeights,
    *,
    recipe: Recipe,
    cache: FeatureMapCache,
    limits: AcceptanceLimits,
    progress: Progress | None = None,
) -> tuple[GalleryPicture, ...]:
    """Draw the radiographs that the report shows; these few are read again.

    Args:
        folder: The labelled folder.
        evaluation: Of radiographs in it.
        sighted: The whole set, as the model's segmenter sees it.
        head: Of the evaluated model.
        base: Of the same.
        recipe: Of the same.
        cache: Of feature maps.
        limits: Of the acceptance gate.
        progress: Told of the step "gallery".

    Raises:
        DataSetError: A file went away or changed since it was scored.
    """
    labelled, boxes = sighted.labelled, sighted.boxes(recipe.framing)
    row_of = {radiograph.file_name: row for row, radiograph in enumerate(labelled.radiographs)}
    chosen = choose(evaluation.files, evaluation.threshold)
    rows = [row_of[file.file] for file in chosen]
    inputs = sighted.inputs(recipe.framing)[rows]
    maps = explained(inputs, head, base, recipe, cache, step="gallery", progress=progress)
    pictures = []
    for file, row, activation_map in zip(chosen, rows, maps, strict=True):
        content = _unchanged(folder, labelled.radiographs[row])
        radiograph = read_radiograph(content, limits)
        pixels = to_reading_resolution(radiograph.reading, max_side=_GALLERY_SIDE)
        picture = GalleryPicture(
            file=file.file,
            truth=file.label,
            prediction=predicted(file, evaluation.threshold),
            score=file.score,
            jpeg=encode_grey(pixels),
            marked=False,
        )
        if has_evidence(activation_map):
            overlay = blend_overlay(pixels, activation_map, alpha=_ALPHA, box=boxes[row])
            if sighted.fields and sighted.fields[row].usable:
                draw_outline(overlay, sighted.fields[row])
            picture = replace(picture, jpeg=encode_colour(overlay), marked=True)
        pictures.append(picture)
    return tuple(pictures)


def _unchanged(folder: Path, radiograph: LabelledRadiograph) -> bytes:
    try:
        content = (folder / radiograph.file_name).read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != radiograph.sha256:
        raise DataSetError(
            "A radiograph changed while the folder was evaluated. Leave the folder alone and try again.",
            files=[radiograph.file_name],
        )
    return content
