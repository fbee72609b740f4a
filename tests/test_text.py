from jaxgan.runs.text import align, format_number, join_first


def test_a_table_is_aligned_with_names_left_and_cells_right():
    lines = align({"value": {"a": "1", "long": "1000"}, "n": {"a": "10", "long": "2"}})
    assert lines == ["      value   n", "a         1  10", "long   1000   2"]


def test_a_number_has_its_form_and_none_is_not_finite():
    assert format_number(12.34567) == "12.35"
    assert format_number(2.0, ".3f") == "2.000"
    assert format_number(None) == "not finite"
    assert format_number(None, missing="-") == "-"


def test_a_long_list_ends_in_dots():
    assert join_first([1, 2, 3], 3) == "1, 2, 3"
    assert join_first([1, 2, 3], 2) == "1, 2, ..."
    assert join_first([], 2) == ""
