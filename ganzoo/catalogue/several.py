"""Several names in a declaration: one text in their place would be read letter by letter."""

from __future__ import annotations


def refuse_text(what: str, given: object, form: str = "({!r},)") -> None:
    """Raise ``TypeError`` if ``given``, which is ``what`` and has several names, is one text.

    >>> refuse_text("trains of phase 'critic'", ("critic",))
    >>> refuse_text("trains of phase 'critic'", "critic")
    Traceback (most recent call last):
    TypeError: trains of phase 'critic' must be names in a tuple, and a text is read letter by letter: write ('critic',)
    """
    if isinstance(given, str):
        raise TypeError(
            f"{what} must be names in a tuple, and a text is read letter by letter: write {form.format(given)}"
        )
