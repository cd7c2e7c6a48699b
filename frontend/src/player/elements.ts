/** The parts of Vidstack that the player is made of; importing this makes them known to the browser. */
import "vidstack/player/styles/default/captions.css";
import {
  defineCustomElement,
  MediaCaptionsElement,
  MediaControlsElement,
  MediaGestureElement,
  MediaMenuButtonElement,
  MediaMenuElement,
  MediaMenuItemsElement,
  MediaPlayerElement,
  MediaProviderElement,
  MediaRadioElement,
  MediaRadioGroupElement,
  MediaSliderPreviewElement,
  MediaSliderThumbnailElement,
  MediaSliderValueElement,
  MediaTimeSliderElement,
  MediaVolumeSliderElement,
} from "vidstack/elements";

for (const element of [
  MediaPlayerElement,
  MediaProviderElement,
  MediaCaptionsElement,
  MediaControlsElement,
  MediaGestureElement,
  MediaTimeSliderElement,
  MediaVolumeSliderElement,
  MediaSliderPreviewElement,
  MediaSliderThumbnailElement,
  MediaSliderValueElement,
  MediaMenuElement,
  MediaMenuButtonElement,
  MediaMenuItemsElement,
  MediaRadioGroupElement,
  MediaRadioElement,
]) {
  defineCustomElement(element);
}
