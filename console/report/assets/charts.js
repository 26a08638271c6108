// Charts: what all of them share, and drawing them again in the other theme.

const charts = [];
const root = document.documentElement;
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
const isTouched = window.matchMedia("(pointer: coarse)").matches;
const probe = make("span", { hidden: "" });
document.body.append(probe);

/** A colour of the style sheet as a canvas understands it. */
function colour(name) {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
}

const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);

/** Use a theme from now on; "" is that of the device. */
function setTheme(name) {
    if (name) root.dataset.theme = name;
    else delete root.dataset.theme;
    const button = document.getElementById("theme");
    button.textContent = isDark() ? "☀" : "☾";
    button.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
    button.title = button.getAttribute("aria-label");
    for (const one of charts) draw(one);
}

/** Keep a place for a chart. `label` says in a sentence what it shows; `option` makes it anew. */
function chart(holder, label, option, height = "") {
    const box = make("div", { class: `chart ${height}`.trim(), role: "img", "aria-label": label() });
    const one = { box, label, option, drawn: null };
    holder.append(box);
    charts.push(one);
    return one;
}

function draw(one) {
    if (!one.drawn) {
        one.drawn = echarts.init(one.box, null, { renderer: "canvas" });
        one.drawn.on("datazoom", () => one.zoomed?.(one.drawn));
    }
    one.box.setAttribute("aria-label", one.label());
    one.drawn.setOption(one.option(), { notMerge: true });
}

function base() {
    return {
        animation: false,
        textStyle: { color: colour("soft"), fontFamily: getComputedStyle(document.body).fontFamily },
        grid: { left: 8, right: 14, top: 34, bottom: 44, containLabel: true },
        tooltip: {
            trigger: "axis",
            confine: true,
            backgroundColor: colour("panel"),
            borderColor: colour("line"),
            textStyle: { color: colour("text"), fontSize: 12 },
            axisPointer: { lineStyle: { color: colour("other") } },
        },
        legend: {
            top: 0,
            left: 0,
            icon: "roundRect",
            itemWidth: 12,
            itemHeight: 4,
            textStyle: { color: colour("soft") },
            inactiveColor: colour("line"),
        },
    };
}

function upright(extra) {
    return {
        type: "value",
        scale: true,
        splitNumber: 4,
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: colour("line") } },
        axisLabel: { color: colour("soft"), formatter: (value) => short.format(value) },
        ...extra,
    };
}

/** An axis of places, not of time: nights and weekends take no room. Its labels are the times. */
function along({ x, t }, extra) {
    const days = t.length ? (t[t.length - 1] - t[0]) / DAY_MS : 0;
    const timeAt = (place) => {
        let low = 0;
        let high = x.length - 1;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (x[middle] < place) low = middle + 1;
            else high = middle;
        }
        return t[low];
    };
    return {
        type: "value",
        min: x[0],
        max: x[x.length - 1],
        splitNumber: 5,
        splitLine: { show: false },
        axisLine: { lineStyle: { color: colour("line") } },
        axisTick: { show: false },
        axisPointer: { label: { show: false } },
        axisLabel: {
            color: colour("soft"),
            hideOverlap: true,
            showMinLabel: false,
            showMaxLabel: false,
            formatter: (place) => moment(timeAt(place), days < 15),
        },
        ...extra,
    };
}

/** One finger scrolls the page, two fingers zoom; with a mouse, dragging moves and Ctrl + wheel zooms. */
function zoom(axes) {
    return [
        {
            type: "inside",
            xAxisIndex: axes,
            zoomOnMouseWheel: "ctrl",
            moveOnMouseMove: !isTouched,
            preventDefaultMouseMove: !isTouched,
        },
        {
            type: "slider",
            xAxisIndex: axes,
            height: isTouched ? 24 : 16,
            bottom: 6,
            showDetail: false,
            brushSelect: false,
            borderColor: "transparent",
            backgroundColor: colour("panel"),
            fillerColor: colour("filler"),
            handleStyle: { color: colour("ground"), borderColor: colour("other") },
            moveHandleStyle: { color: colour("other"), opacity: 0.5 },
            moveHandleSize: 4,
            dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
            selectedDataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
        },
    ];
}

function line(name, points, values, extra) {
    const data = points.x.map((x, place) => [x, values[place]]);
    return { name, type: "line", showSymbol: false, lineStyle: { width: 1.4 }, data, ...extra };
}

const bubble = (...lines) => make("div", {}, ...lines.map((text) => make("div", {}, text)));

/** What stands beside the pointer: the time, and the value of each line there. */
function tip(points, spellings) {
    const at = new Map(points.x.map((x, place) => [x, points.t[place]]));
    return (found) => {
        const items = Array.isArray(found) ? found : [found];
        if (!items.length) return "";
        const told = items.map(
            (one) => `${one.seriesName}: ${(spellings[one.seriesName] || number)(one.value[1])}`,
        );
        return bubble(`${moment(at.get(items[0].value[0]))} UTC`, ...told);
    };
}

/** How often which values occur: losses and gains in their colours. */
function bars(holder, title, bins, spell) {
    const middle = (place) => bins.from[place] + bins.width / 2;
    const all = bins.count.reduce((sum, held) => sum + held, 0);
    const label = () =>
        `${title}: ${count(all)} values from ${spell(bins.from[0])} to ${spell(bins.from.at(-1) + bins.width)}`;
    chart(holder, label, () => ({
        ...base(),
        legend: { show: false },
        grid: { ...base().grid, right: 26, top: 12, bottom: 8 },
        xAxis: {
            type: "category",
            data: bins.from.map((_, place) => spell(middle(place))),
            axisTick: { show: false },
            axisLine: { lineStyle: { color: colour("line") } },
            axisLabel: { color: colour("soft"), hideOverlap: true },
        },
        yAxis: upright({ minInterval: 1 }),
        tooltip: {
            ...base().tooltip,
            axisPointer: { type: "shadow", shadowStyle: { color: colour("filler") } },
            formatter: ([one]) => {
                const from = bins.from[one.dataIndex];
                return bubble(`${spell(from)} to ${spell(from + bins.width)}: ${count(one.value)}`);
            },
        },
        series: [
            {
                type: "bar",
                barCategoryGap: "6%",
                data: bins.count.map((held, place) => ({
                    value: held,
                    itemStyle: { color: colour(middle(place) < 0 ? "loss" : "gain") },
                })),
            },
        ],
    }));
}
