"""How Sphinx makes a site of these pages: `make docs`."""

from __future__ import annotations

project = "Palaestra"
author = "The authors of Palaestra"
root_doc = "index"
# On a code host README.md is this folder's front page; the site's is index.md.
exclude_patterns = ["README.md"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = project
html_copy_source = False
myst_enable_extensions = ["colon_fence"]
# Links to headings are as code hosts make them, and may lead five levels down.
myst_heading_anchors = 5
# Pages link to files of the repository, which the site does not hold. Of the results the front page lists the overview,
# which leads to the others. Tables that commands write begin with small headings, to be put below others.
suppress_warnings = ["myst.header", "myst.xref_missing", "toc.not_included"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True, "exclude-members": "model_config"}
# Docstrings put names into single backticks.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
