// Parts of the page. Text from the data is only ever set as text, never as markup.

const ROWS_AT_FIRST = 12;
const page = document.getElementById("page");

function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {}))
        if (value !== "") element.setAttribute(name, value);
    element.append(...children);
    return element;
}

function section(title, ...children) {
    const found = make("section", {}, make("h2", {}, title), ...children);
    page.append(found);
    return found;
}

function heading(title, told) {
    const button = make("button", { type: "button", id: "theme" });
    button.addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
    const words = make("div", {}, make("h1", {}, title), make("p", { class: "soft" }, told));
    page.append(make("header", {}, words, button));
}

/** The headline figures: [name, text, tone]. */
function cards(rows) {
    const card = ([name, text, mood]) =>
        make("div", {}, make("dt", {}, name), make("dd", { class: mood || "" }, text));
    page.append(
        make("dl", { class: "cards", style: `--columns: ${Math.min(rows.length, 5)}` }, ...rows.map(card)),
    );
}

function doubts(title, sentences) {
    if (!sentences.length) return;
    const list = make("ul", {}, ...sentences.map((one) => make("li", {}, one)));
    page.append(make("aside", { class: "doubts", "aria-label": title }, make("strong", {}, title), list));
}

/** What is wider than the screen scrolls by itself, by keyboard as well. */
function scrolling(name, content) {
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, content);
}

/** Two columns: what it is, and its value. */
function pairs(name, rows) {
    const line = ([what, value, mood]) =>
        make("tr", {}, make("th", { scope: "row" }, what), make("td", { class: mood || "" }, value));
    return make("table", { "aria-label": name }, make("tbody", {}, ...rows.map(line)));
}

/**
 * A table that sorts by any column. `columns` are [title, value of a row, text of a value, tone?];
 * columns of text stand on the left. Long tables begin folded.
 */
function table(name, columns, rows) {
    const body = make("tbody", {});
    const more = make("button", { type: "button" }, `Show all ${count(rows.length)}`);
    const sides = columns.map(([, value]) =>
        rows.some((row) => typeof value(row) === "string") ? "left" : "",
    );
    let isFolded = rows.length > ROWS_AT_FIRST + 3;
    let ordered = rows;

    function cell(row, [, value, text, mood], place) {
        const found = value(row);
        const classes = [sides[place], mood ? mood(found) : ""].filter(Boolean).join(" ");
        if (place) return make("td", { class: classes }, text(found));
        return make("th", { scope: "row", class: classes, title: text(found) }, text(found));
    }
    function fill() {
        const shown = isFolded ? ordered.slice(0, ROWS_AT_FIRST) : ordered;
        body.replaceChildren(
            ...shown.map((row) =>
                make("tr", {}, ...columns.map((column, place) => cell(row, column, place))),
            ),
        );
        more.hidden = !isFolded;
    }
    more.addEventListener("click", () => {
        isFolded = false;
        fill();
    });
    const heads = columns.map(([title, value], place) => {
        const button = make("button", { type: "button", class: "sort" }, title);
        const head = make("th", { scope: "col", class: sides[place] }, button);
        button.addEventListener("click", () => {
            const sign = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
            for (const one of heads) one.removeAttribute("aria-sort");
            head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
            ordered = [...rows].sort((a, b) => sign * compare(value(a), value(b)));
            fill();
        });
        return head;
    });
    fill();
    const made = make("table", { "aria-label": name }, make("thead", {}, make("tr", {}, ...heads)), body);
    return make("div", {}, scrolling(name, made), more);
}

/** Smaller first; what is not known comes before everything that is. */
function compare(a, b) {
    if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
    return (known(a) ? a : -Infinity) - (known(b) ? b : -Infinity) || 0;
}

/** A table whose cells are coloured: from the loss colour over nothing to the gain colour. */
function heatTable(name, corner, columns, rows, text, most) {
    const shade = (value) => {
        const strength = most > 0 ? Math.min(Math.abs(value) / most, 1) * 50 : 0;
        return `background: color-mix(in srgb, var(--${value < 0 ? "loss" : "gain"}) ${strength.toFixed(0)}%, transparent)`;
    };
    const cell = (value) =>
        known(value) ? make("td", { style: shade(value) }, text(value)) : make("td", {}, "");
    const head = make(
        "tr",
        {},
        make("th", { scope: "col" }, corner),
        ...columns.map((one) => make("th", { scope: "col" }, one)),
    );
    const body = rows.map(([title, values]) =>
        make("tr", {}, make("th", { scope: "row" }, title), ...values.map(cell)),
    );
    return scrolling(
        name,
        make(
            "table",
            { class: "heat", "aria-label": name },
            make("thead", {}, head),
            make("tbody", {}, ...body),
        ),
    );
}

function folded(title, value) {
    return make(
        "details",
        {},
        make("summary", {}, title),
        make("pre", { tabindex: "0" }, JSON.stringify(value, null, 2)),
    );
}
