"use strict";
(() => {
  const root = document.documentElement;
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // Times since the start: the two largest units of days, hours, minutes and seconds.
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];
  const duration = (seconds) => {
    if (seconds < 0) return "-" + duration(-seconds);
    if (seconds < 1) return seconds ? Number(seconds.toPrecision(3)) + "\u202fs" : "0";
    let left = Math.round(seconds);
    let taken = 0;
    const parts = [];
    for (const [size, unit] of UNITS) {
      const many = Math.floor(left / size);
      left -= many * size;
      if (many) parts.push(many.toLocaleString("en-US").replaceAll(",", "\u202f") + "\u202f" + unit);
      if (many || taken) taken += 1;
      if (taken === 2) break;
    }
    return parts.join(" ");
  };
  const step = (least) => {
    if (least >= 1 && least <= 43200) return STEPS.find((one) => one >= least);
    const unit = least > 43200 ? 86400 : 1;
    const power = Math.pow(10, Math.floor(Math.log10(least / unit)));
    return unit * power * [1, 2, 3, 5, 10].find((one) => unit * power * one >= least * 0.999999);
  };
  const timeTicks = (low, high, width) => {
    const wanted = Math.max(3, Math.floor(width / 92));
    const size = step(Math.max((high - low) / wanted, 1e-9));
    const places = [];
    for (let at = Math.ceil(low / size - 1e-9); at * size <= high + size * 1e-6 && places.length < 100; at += 1) {
      places.push(at * size);
    }
    return { tickvals: places, ticktext: places.map(duration) };
  };

  const paintTrace = (trace) => {
    const { role, hue } = trace.meta;
    if (role === "heat") {
      trace.colorscale = [0, 0.25, 0.5, 0.75, 0.9, 1].map((at, index) => [at, colour("--heat-" + index)]);
      trace.colorbar.tickfont = { color: colour("--quiet"), size: 12 };
      return;
    }
    const own = colour("--hue-" + hue);
    trace.marker = { ...trace.marker, color: own };
    if (role === "bar") trace.textfont = { color: colour("--ink"), size: 12 };
    else trace.line = { ...trace.line, color: own };
    if (role === "band") trace.fillcolor = own + "2e";
    if (role === "area") trace.fillcolor = own + "99";
  };
  const paintLayout = (layout) => {
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { color: colour("--quiet"), size: 12, family: getComputedStyle(document.body).fontFamily };
    layout.hoverlabel = {
      bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink"), size: 13 }, align: "left",
    };
    for (const axis of [layout.xaxis, layout.yaxis]) {
      Object.assign(axis, { gridcolor: colour("--grid"), linecolor: colour("--line"), automargin: true });
    }
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: colour("--quiet"), activecolor: colour("--accent") };
  };
  const CONFIG = {
    displaylogo: false, responsive: true, showTips: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
  };

  const drawn = [];
  for (const place of document.querySelectorAll(".plot")) {
    const figure = figures[place.id];
    const isTime = figure.layout.meta.time_axis;
    // The place has the height and plotly fills it: it forgets its own when the window changes.
    place.style.height = figure.layout.height + "px";
    delete figure.layout.height;
    if (isTime) {
      for (const trace of figure.data) {
        trace.customdata = trace.x.map(duration);
        if (figure.layout.hovermode === "closest") {
          trace.hovertemplate = "%{customdata}: " + (trace.hovertemplate || "");
        }
      }
      const every = figure.data.flatMap((trace) => trace.x).filter((one) => one !== null);
      const low = every.reduce((a, b) => Math.min(a, b), Infinity);
      const high = every.reduce((a, b) => Math.max(a, b), -Infinity);
      const margin = (high - low) * 0.01 || 0.5;
      figure.layout.xaxis.range = [low === high || low < 0 ? low - margin : low - margin / 2, high + margin];
      // Takes the room of a time, which is written there when the box is drawn: plotly would write seconds.
      figure.layout.xaxis.unifiedhovertitle = { text: "\u00a0".repeat(12) };
    }
    const labels = figure.data[0].meta.role === "heat" ? { ...figure.layout.xaxis } : null;
    const draw = () => {
      if (labels) {
        // Fewer labels under a narrow map, so that none lies on another.
        const every = Math.ceil(labels.tickvals.length / Math.max(3, Math.floor(place.clientWidth / 72)));
        for (const key of ["tickvals", "ticktext"]) {
          figure.layout.xaxis[key] = labels[key].filter((_, index) => index % every === 0);
        }
      }
      figure.data.forEach(paintTrace);
      paintLayout(figure.layout);
      if (isTime) {
        const [low, high] = figure.layout.xaxis.range;
        Object.assign(figure.layout.xaxis, timeTicks(low, high, place.clientWidth));
      }
      return Plotly.react(place, figure.data, figure.layout, CONFIG);
    };
    const done = draw();
    if (isTime) {
      const whole = figure.layout.xaxis.range.slice();
      let width = place.clientWidth;
      // The box is drawn again at every move of the mouse, but plotly tells only of another point.
      let pointedAt = "";
      done.then(() => place.on("plotly_hover", (event) => { pointedAt = duration(event.points[0].x); }));
      new MutationObserver(() => {
        const heading = place.querySelector(".hoverlayer [class*=titletext]");
        if (heading && heading.textContent !== pointedAt) heading.textContent = pointedAt;
      }).observe(place, { childList: true, subtree: true });
      done.then(() => place.on("plotly_relayout", (event) => {
        const moved = Object.keys(event).some((key) => key.startsWith("xaxis."));
        if (!moved && place.clientWidth === width) return;
        width = place.clientWidth;
        const axis = place.layout.xaxis;
        // A double click asks for the whole again, which plotly would work out without the margins.
        figure.layout.xaxis.range = (event["xaxis.autorange"] ? whole : axis.range).slice();
        figure.layout.xaxis.autorange = false;
        draw();
      }));
    }
    drawn.push(draw);
    const legend = document.querySelector('.legend[data-plot="' + place.id + '"]');
    if (legend) {
      legend.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        const shown = button.getAttribute("aria-pressed") === "false";
        button.setAttribute("aria-pressed", String(shown));
        for (const trace of figure.data) {
          if (String(trace.meta.series) === button.dataset.series) trace.visible = shown;
        }
        draw();
      });
    }
  }
  const drawAll = () => drawn.forEach((draw) => draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  const folded = [...document.querySelectorAll("details")];
  let open = [];
  addEventListener("beforeprint", () => {
    open = folded.map((one) => one.open);
    folded.forEach((one) => { one.open = true; });
    root.classList.add("printing");
    drawAll();
    document.querySelectorAll(".plot").forEach((place) => Plotly.Plots.resize(place));
  });
  addEventListener("afterprint", () => {
    folded.forEach((one, index) => { one.open = open[index]; });
    root.classList.remove("printing");
    drawAll();
    document.querySelectorAll(".plot").forEach((place) => Plotly.Plots.resize(place));
  });

  // A click on a heading sorts by its column: numbers as numbers, what is missing last.
  const value = (row, column, isNumber) => {
    const text = row.cells[column].dataset.value ?? row.cells[column].textContent;
    return isNumber ? parseFloat(text.replaceAll("\u202f", "")) : text;
  };
  for (const heading of document.querySelectorAll("th")) {
    const sort = () => {
      const table = heading.closest("table");
      const down = heading.getAttribute("aria-sort") === "ascending";
      const sign = down ? -1 : 1;
      const isNumber = heading.classList.contains("number");
      table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].map((row) => [value(row, heading.cellIndex, isNumber), row]);
      rows.sort(([a], [b]) => {
        if (!isNumber) return sign * a.localeCompare(b, "en", { numeric: true });
        if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
        return sign * (a - b);
      });
      table.tBodies[0].append(...rows.map(([, row]) => row));
    };
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  }
})();
