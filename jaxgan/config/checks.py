"""Cross-field checks: settings that are each allowed but cannot be combined."""

from jaxgan.config.choices import GRADIENT_PENALTIES, LOSSES, loss_spec
from jaxgan.config.errors import UserError
from jaxgan.config.network import check_network, disc_norm
from jaxgan.config.schema import Config


def check_combinations(config: Config) -> None:
    """Raises UserError if settings contradict each other; it names the first contradiction."""
    _check_label_smoothing(config)
    _check_seeds(config)
    check_network(config.network)
    _check_gradient_penalties(config)
    _check_packing(config)
    _check_batch_norm_of_one(config)
    _check_shards(config)
    _check_fractions(config)


def check_horizon(config: Config, images: int) -> None:
    """Raises UserError if a schedule has a point after the run's last image."""
    # Not in `check_combinations`: the number of images is known only when the data has been read.
    unit = "images" if config.train.images else "epochs"
    length = f"config.train.{unit} = {getattr(config.train, unit)}"
    for name, points in config.schedule.points.items():
        if points[-1][0] > images:
            raise UserError(
                f"config.schedule.{name} = {points!r}: ends at {points[-1][0]} images; must be "
                f"within the run's {images} ({length}): end it there, train longer, or give it in "
                "fractions of the run (config.schedule.unit=run)"
            )


def _check_fractions(config: Config) -> None:
    for name, points in config.schedule.points.items():
        if config.schedule.unit == "run" and points[-1][0] > 1:
            raise UserError(
                f"config.schedule.{name} = {points!r}: with config.schedule.unit = 'run' the first "
                f"numbers are fractions of the run; must be from 0 to 1, not {points[-1][0]}"
            )


def _check_label_smoothing(config: Config) -> None:
    if config.label_smoothing and not loss_spec(config.loss).has_targets:
        with_targets = [name for name, loss in LOSSES.items() if loss.has_targets]
        raise UserError(
            f"config.label_smoothing = {config.label_smoothing}: the loss {config.loss!r} has no "
            f"targets to smooth; must be 0, or config.loss one of {', '.join(with_targets)}"
        )


def _check_seeds(config: Config) -> None:
    if isinstance(config.seeds, int) and config.seed + config.seeds > 2**32:
        raise UserError(
            f"config.seeds = {config.seeds}: counted from config.seed = {config.seed}, they pass "
            "the largest seed, 4294967295"
        )


def _check_gradient_penalties(config: Config) -> None:
    weighted = [name for name in GRADIENT_PENALTIES if getattr(config.penalty, name)]
    if weighted and disc_norm(config.network) == "batch":
        weight = getattr(config.penalty, weighted[0])
        raise UserError(
            f"config.penalty.{weighted[0]} = {weight}: penalises the gradient at each image, but "
            "with batch norm in the discriminator a logit depends on the whole batch; set "
            "config.network.disc_norm to none or spectral"
        )


def _check_packing(config: Config) -> None:
    if config.packing > 1 and config.network.conditional:
        raise UserError(
            f"config.packing = {config.packing}: must be 1 with config.network.conditional, since "
            "the images of a pack can have different labels"
        )
    if config.train.batch_size % config.packing:
        size = f"config.train.batch_size = {config.train.batch_size}"
        raise UserError(f"config.packing = {config.packing}: must divide {size}")


def _check_batch_norm_of_one(config: Config) -> None:
    """Refuses batch norm of one image: minus their own mean, its dense features are all 0."""
    network, batch_size, packing = config.network, config.train.batch_size, config.packing
    in_gen = batch_size == 1 and network.gen_widths
    in_disc = batch_size == packing and network.disc_widths and disc_norm(network) == "batch"
    if network.name == "infogan" and (in_gen or in_disc):
        alternative = "gen_widths=()" if in_gen else "disc_norm=none"
        raise UserError(
            f"config.train.batch_size = {batch_size}: infogan's dense layers have batch norm, "
            "which sets every feature of a single image or pack to 0; must be more than "
            f"config.packing = {packing}, or set config.network.{alternative}"
        )


def _check_shards(config: Config) -> None:
    shards, batch_size, packing = config.parallel.shards, config.train.batch_size, config.packing
    if not shards:
        return
    # A pack has one logit, so a shard that cuts a pack in two has no value for it.
    if batch_size // packing % shards:
        unit = "images" if packing == 1 else f"packs of {packing} (config.packing)"
        raise UserError(
            f"config.parallel.shards = {shards}: must divide config.train.batch_size = "
            f"{batch_size}, which is {batch_size // packing} {unit}"
        )
    # The means of batch norm are exchanged between shards, which a branch of a program cannot do.
    if config.penalty.is_on and config.penalty.every > 1 and disc_norm(config.network) == "batch":
        raise UserError(
            f"config.penalty.every = {config.penalty.every}: must be 1 with config.parallel.shards "
            "and batch norm in the discriminator (config.network.disc_norm)"
        )
    # `vmap` over seeds changes the shapes of the products, and with them the last bits.
    if config.train.seeds_at_once > 1:
        raise UserError(
            f"config.train.seeds_at_once = {config.train.seeds_at_once}: must be 0 or 1 with "
            "config.parallel.shards, since several runs in one program are equal only to rounding"
        )
