// Read the data, make the page, and follow the device: its theme, its width, its printer.

const data = JSON.parse(document.getElementById("data").textContent);
page.replaceChildren();
({ backtest, search })[data.kind](data);
setTheme("");

prefersDark.addEventListener("change", () => setTheme(root.dataset.theme || ""));
new ResizeObserver(() => {
    for (const { drawn } of charts) drawn?.resize();
}).observe(page);

let themeOnScreen = "";
window.addEventListener("beforeprint", () => {
    themeOnScreen = root.dataset.theme || "";
    setTheme("light");
});
window.addEventListener("afterprint", () => setTheme(themeOnScreen));
