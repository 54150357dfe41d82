"""Pages in headless Chromium: no errors, no requests; hover, keys, click, sorting and download."""

import json
import re
import shutil
import subprocess

import pytest

from analognas.evaluators import TableEvaluator
from analognas.report.html import write_page
from analognas.search import Worker

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]

CHECKS = """
<script>
window.addEventListener("load", () => {
  const figure = [...document.querySelectorAll("figure.interactive")].at(-1);
  const svg = figure.querySelector("svg"), tip = figure.querySelector(".tip");
  const dots = [...svg.querySelectorAll("[data-tip]")];
  const send = (target, kind, more) => target.dispatchEvent(new (kind.startsWith("key") ? KeyboardEvent : MouseEvent)(
    kind, { bubbles: true, ...more }));
  seen.dots = dots.length;
  seen.hidden_first = tip.hidden;
  send(dots[0], "pointerover");
  seen.hover = !tip.hidden && tip.textContent === dots[0].dataset.tip;
  send(dots[0], "click");
  seen.pinned = [...figure.querySelectorAll(".pins li")].map((item) => item.textContent)[0] === dots[0].dataset.tip;
  send(dots[0], "click");
  seen.unpinned = figure.querySelectorAll(".pins li").length;
  send(svg, "keydown", { key: "Escape" });
  seen.closed = tip.hidden;
  send(svg, "keydown", { key: "ArrowRight" });
  send(svg, "keydown", { key: "Enter" });
  seen.by_keys = figure.querySelectorAll(".pins li").length;
  const table = document.querySelector("table.sortable");
  const value = (row) => parseFloat(row.cells[2].textContent);
  table.tHead.rows[0].cells[2].querySelector("button").click();
  table.tHead.rows[0].cells[2].querySelector("button").click();
  seen.sorted = [...table.tBodies[0].rows].map(value);
  URL.createObjectURL = (blob) => { seen.bytes = blob.size; return "about:blank#"; };
  HTMLAnchorElement.prototype.click = function () { seen.download = this.download; };
  document.querySelector("button[data-download]").click();
  seen.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
  seen.wider = document.documentElement.scrollWidth > window.innerWidth;
  document.title = JSON.stringify(seen);
});
</script>
"""
FIRST = """
<script>
const seen = { errors: [] };
window.addEventListener("error", (event) => seen.errors.push(event.message));
document.addEventListener("securitypolicyviolation", (event) => seen.errors.push(event.violatedDirective));
</script>
"""


def opened(page, tmp_path, width):
    """What the checks saw in a window of a width."""
    text = page.read_text()
    checked = tmp_path / f"checked-{width}.html"
    checked.write_text(
        text.replace("<title>", FIRST + "<title>", 1).replace("</body>", CHECKS + "</body>", 1)
    )
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900", "--virtual-time-budget=5000", "--dump-dom", checked.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout, re.S)
    assert title, done.stderr[-2000:]
    return json.loads(title[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))


@pytest.fixture(scope="module")
def page(bench, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser") / "search"
    Worker(
        evaluator=TableEvaluator(bench), optimizer="random_search", runs=2, budget=60, out=folder
    ).search()
    return write_page(folder)


@pytest.mark.parametrize("width", [1100, 500])
def test_page_works_in_a_browser(page, tmp_path, width):
    seen = opened(page, tmp_path, width)
    assert seen["errors"] == []
    assert seen["requests"] == []
    assert seen["dots"] > 50
    assert seen["hidden_first"]
    assert seen["hover"]
    assert seen["pinned"]
    assert seen["unpinned"] == 0
    assert seen["closed"]
    assert seen["by_keys"] == 1
    assert seen["sorted"] == sorted(seen["sorted"])
    assert len(seen["sorted"]) == 100
    assert seen["download"] == "trials.csv"
    assert seen["bytes"] > 4000
    assert not seen["wider"]
