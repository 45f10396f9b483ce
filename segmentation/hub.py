"""Segmentation networks trained by others, loaded by name through segmentation-models-pytorch.

Networks trained on ADE20K (Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017) know 150 classes, in the
order of that benchmark's list. `ADE20K` merges these classes into the built-in ones, in the same way as Luan et al.,
CVPR 2017, section 3 merge lake, river and sea.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segmentation.labels import CLASSES
from segmentation.segmenter import NetworkError, resized

if TYPE_CHECKING:
    from torch import nn

SIZE = 640
"""Longest side of the photo as the network sees it, in pixels. The hub's `segformer-b5-640x640-ade-160k` was trained at
this size, its smaller SegFormer networks at 512."""
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue in ImageNet. The input of the hub's networks is normalised with
them."""

ADE20K = """
    wall=building building sky floor=ground tree=vegetation ceiling=building road=ground bed=object
    windowpane=building grass=vegetation cabinet=object sidewalk=ground person earth=ground door=building table=object
    mountain plant=vegetation curtain=object chair=object car=vehicle water painting=object sofa=object shelf=object
    house=building sea=water mirror=object rug=ground field=vegetation armchair=object seat=object fence=object
    desk=object rock=mountain wardrobe=object lamp=object bathtub=object railing=object cushion=object base=object
    box=object column=building signboard=object chest_of_drawers=object counter=object sand=ground sink=object
    skyscraper=building fireplace=object refrigerator=object grandstand=building path=ground stairs=ground
    runway=ground case=object pool_table=object pillow=object screen_door=building stairway=ground river=water
    bridge=building bookcase=object blind=object coffee_table=object toilet=object flower=vegetation book=object
    hill=mountain bench=object countertop=object stove=object palm=vegetation kitchen_island=object computer=object
    swivel_chair=object boat=vehicle bar=object arcade_machine=object hovel=building bus=vehicle towel=object
    light=object truck=vehicle tower=building chandelier=object awning=building streetlight=object booth=building
    television=object airplane=vehicle dirt_track=ground apparel=object pole=object land=ground bannister=object
    escalator=building ottoman=object bottle=object buffet=object poster=object stage=ground van=vehicle ship=vehicle
    fountain=water conveyer_belt=object canopy=building washer=object plaything=object swimming_pool=water
    stool=object barrel=object basket=object waterfall=water tent=building bag=object minibike=vehicle cradle=object
    oven=object ball=object food=object step=ground tank=object trade_name=object microwave=object pot=object animal
    bicycle=vehicle lake=water dishwasher=object screen=object blanket=object sculpture=object hood=object
    sconce=object vase=object traffic_light=object tray=object ashcan=object fan=object pier=building
    crt_screen=object plate=object monitor=object bulletin_board=object shower=object radiator=object glass=object
    clock=object flag=object"""
"""The 150 classes of ADE20K in their order, each as `name=built-in class`. Where both names are equal, the name stands
once."""


def merged(outputs: int) -> NDArray[np.float32]:
    """The matrix that merges the outputs of a network into the built-in classes, `(10, outputs)`.

    An entry is 1 if the output counts as that class, otherwise 0.

    Raises:
        ValueError: the number of outputs is neither 150 (ADE20K) nor 10 (the built-in classes).
    """
    if outputs == 10:
        return np.eye(10, dtype=np.float32)
    entries = ADE20K.split()
    if outputs != len(entries):
        raise ValueError(
            f"expected a network of {len(entries)} classes (ADE20K) or of the built-in 10, found {outputs}"
        )
    ids = {label.name: label.id for label in CLASSES}
    table = np.zeros((10, outputs), np.float32)
    for index, entry in enumerate(entries):
        table[ids[entry.rpartition("=")[2]], index] = 1
    return table


class HubSegmenter:
    """A network of the hub whose outputs are merged into the built-in classes.

    Args:
        network: takes a photo `(1, 3, H, W)`, normalised with `IMAGENET_MEAN` and `IMAGENET_DEVIATION`, and gives
            logits at any stride.
        name: the name of the network on the hub, or the path of its folder.
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        self.network, self.name = network.eval().requires_grad_(False), name
        digest = hashlib.sha256()
        for key, value in sorted(network.state_dict().items()):
            digest.update(key.encode() + value.cpu().contiguous().numpy().tobytes())
        self.sha256 = digest.hexdigest()
        """SHA-256 of the names and values of the network's tensors, in hexadecimal."""
        self.names = {label.id: label.name for label in CLASSES[:10]}

    @classmethod
    def load(cls, name: str) -> HubSegmenter:
        """Loads a network by its name on the hub, or from a folder.

        Args:
            name: a name such as `smp-hub/segformer-b2-512x512-ade-160k`, or the path of a folder that contains
                `config.json` and `model.safetensors`.

        Raises:
            NetworkError: the package segmentation-models-pytorch is missing, or the files are not on this machine and
                cannot be downloaded.
        """
        if importlib.util.find_spec("segmentation_models_pytorch") is None:
            raise NetworkError(
                "the package segmentation-models-pytorch", "none", name, "pip install segmentation-models-pytorch"
            )
        import segmentation_models_pytorch as smp

        folder = Path(name)
        if folder.is_dir() and not (folder / "config.json").is_file():
            raise NetworkError(
                "config.json and model.safetensors", "no config.json", name, "Download both files of the model."
            )
        try:
            network = smp.from_pretrained(name)
        except Exception as error:
            advice = (
                f"Without internet access, download config.json and model.safetensors of huggingface.co/{name} on"
                " another machine into a folder, and give the folder for the name."
            )
            raise NetworkError(
                "a network from the hub that is in the cache or can be downloaded", _first_line(error), name, advice
            ) from error
        return cls(network, name)

    def probabilities(self, photo: NDArray[np.uint8], *, size: int = SIZE) -> NDArray[np.float32]:
        """The probability of each class at every position, on the network's own grid.

        The arguments and the result are as in `segmentation.segmenter.Segmenter.probabilities`.

        Raises:
            ValueError: the array is not a photo, or the network has other classes.
        """
        import torch

        mean, deviation = (np.array(v, np.float32).reshape(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        image = torch.from_numpy((resized(photo, size) - mean) / deviation)
        with torch.inference_mode():
            chances = self.network(image)[0].float().softmax(0)
            table = torch.from_numpy(merged(len(chances)))
            result: NDArray[np.float32] = torch.einsum("kc,chw->khw", table, chances).numpy()
        return result


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:160]}"
