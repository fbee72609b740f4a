"""Cross-field checks: settings that are each allowed but cannot be combined."""

from jaxgan.config.choices import GRADIENT_PENALTIES, LOSSES_WITH_TARGETS
from jaxgan.config.errors import UserError
from jaxgan.config.network import check_network, disc_norm
from jaxgan.config.schema import Config


def check_shards(shards: int, batch_size: int, packing: int, seeds_at_once: int) -> None:
    """
    Raises:
      UserError: a batch cannot be cut so, or runs that are trained in one program should be.
    """
    if not shards:
        return
    if batch_size // packing % shards:
        parts = "images" if packing == 1 else f"packs of {packing} (config.packing)"
        raise UserError(
            f"config.parallel.shards = {shards}: must divide config.train.batch_size = "
            f"{batch_size}, which is {batch_size // packing} {parts}"
        )
    if seeds_at_once > 1:
        raise UserError(
            f"config.train.seeds_at_once = {seeds_at_once}: must be 0 or 1 with "
            "config.parallel.shards, since several runs in one program are equal to rounding alone"
        )


def check_together(config: Config) -> None:
    """What single settings allow, and together makes no sense."""
    if config.label_smoothing and config.loss not in LOSSES_WITH_TARGETS:
        raise UserError(
            f"config.label_smoothing = {config.label_smoothing}: the loss {config.loss!r} has no "
            f"targets to smooth; must be 0, or config.loss one of {', '.join(LOSSES_WITH_TARGETS)}"
        )
    if isinstance(config.seeds, int) and config.seed + config.seeds > 2**32:
        raise UserError(
            f"config.seeds = {config.seeds}: from config.seed = {config.seed} on, passes 4294967295"
        )
    check_network(config.network)
    weighted = [name for name in GRADIENT_PENALTIES if getattr(config.penalty, name)]
    if weighted and disc_norm(config.network) == "batch":
        raise UserError(
            f"config.penalty.{weighted[0]} = {getattr(config.penalty, weighted[0])}: is of the "
            "gradient at each image, and the discriminator's batch norm makes a logit depend on "
            "the whole batch; set config.network.disc_norm to none or spectral"
        )
    if config.packing > 1 and config.network.conditional:
        raise UserError(
            f"config.packing = {config.packing}: must be 1 where config.network.conditional is "
            "True: the images of a pack have labels of their own"
        )
    if config.train.batch_size % config.packing:
        raise UserError(
            f"config.packing = {config.packing}: must divide config.train.batch_size = "
            f"{config.train.batch_size}"
        )
    _check_norms_of_one(config)
    train = config.train
    check_shards(config.parallel.shards, train.batch_size, config.packing, train.seeds_at_once)


def _check_norms_of_one(config: Config) -> None:
    """A dense layer's units less their mean over one image are 0, whatever the image."""
    network, count, packing = config.network, config.train.batch_size, config.packing
    of_gen = count == 1 and network.gen_widths
    of_disc = count == packing and network.disc_widths and disc_norm(network) == "batch"
    if network.name == "infogan" and (of_gen or of_disc):
        instead = "gen_widths=()" if of_gen else "disc_norm=none"
        raise UserError(
            f"config.train.batch_size = {count}: infogan's dense layers have batch norm, which "
            f"leaves nothing of one image or pack; must be more than config.packing = {packing}, "
            f"or set config.network.{instead}"
        )
