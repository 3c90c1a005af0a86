// Every signed-in page: elements, then what buttons and keys do, then the live socket.

import "./elements/age.js";
import "./elements/board.js";
import "./elements/bullet.js";
import "./elements/clock.js";
import "./elements/figure.js";
import "./elements/plot.js";
import "./elements/secret.js";
import "./elements/spark.js";
import "./elements/state.js";
import "./elements/total.js";
import { startFresh } from "./live/fresh.js";
import { connect } from "./live/socket.js";
import { startDialogs } from "./ui/dialogs.js";
import { startKeyboard } from "./ui/keyboard.js";
import { startLink } from "./ui/link.js";
import { startPalette } from "./ui/palette.js";
import { startRequests } from "./ui/requests.js";
import { startSound } from "./ui/sound.js";
import { startTheme } from "./ui/theme.js";
import { startToasts } from "./ui/toast.js";

startTheme();
startDialogs();
startFresh();
startKeyboard();
startLink();
startPalette();
startRequests();
startSound();
startToasts();
connect(document.body.dataset.live);
